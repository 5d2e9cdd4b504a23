-- Whose usage grew most from February to March, and whose shrank? February has three days less.
SELECT customer_name, customer_id, currency,
       coalesce(sum(amount) FILTER (WHERE billing_period = '2027-02'), 0) AS february,
       coalesce(sum(amount) FILTER (WHERE billing_period = '2027-03'), 0) AS march,
       march - february AS growth
FROM usage_daily
WHERE billing_period IN ('2027-02', '2027-03')
GROUP BY ALL
ORDER BY currency, growth DESC, customer_id;
