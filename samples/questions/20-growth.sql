-- Whose usage grew most from February to March?
SELECT customer_name, customer_id, currency,
       sum(amount) FILTER (WHERE billing_period = '2027-02') AS february,
       sum(amount) FILTER (WHERE billing_period = '2027-03') AS march, march - february AS growth
FROM usage_daily
WHERE billing_period IN ('2027-02', '2027-03')
GROUP BY ALL
HAVING growth IS NOT NULL
ORDER BY growth DESC, customer_id LIMIT 10;
