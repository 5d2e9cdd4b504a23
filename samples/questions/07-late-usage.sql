-- Which days before its own month does an invoice bill?
SELECT billing_period, usage_date, currency, sum(rows_of_usage) AS rows_of_usage, sum(amount) AS amount
FROM late_usage_by_day
GROUP BY ALL
ORDER BY billing_period, usage_date, currency;
