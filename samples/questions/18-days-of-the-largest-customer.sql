-- What did the largest customer use on each day of March?
SELECT usage_date, currency, count(*) AS rows_of_usage, sum(amount) AS amount
FROM usage_daily
WHERE billing_period = '2027-03' AND customer_id = (
    SELECT customer_id FROM usage_daily WHERE billing_period = '2027-03'
    GROUP BY customer_id ORDER BY sum(amount) DESC, customer_id LIMIT 1)
GROUP BY ALL
ORDER BY usage_date, currency;
