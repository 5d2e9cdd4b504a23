-- What did the largest customer in euro use on each day of March?
SELECT customer_name, usage_date, currency, count(*) AS rows_of_usage, sum(amount) AS amount
FROM usage_daily
WHERE billing_period = '2027-03' AND currency = 'EUR' AND customer_id = (
    SELECT customer_id FROM usage_daily WHERE billing_period = '2027-03' AND currency = 'EUR'
    GROUP BY customer_id ORDER BY sum(amount) DESC, customer_id LIMIT 1)
GROUP BY ALL
ORDER BY usage_date;
