-- How much of the usage is of publishers other than Microsoft?
SELECT billing_period, currency, publisher_name, count(*) AS rows_of_usage, sum(amount) AS amount
FROM usage_daily
GROUP BY ALL
ORDER BY billing_period, currency, publisher_name;
