-- Which customers lost partner earned credit, on which days, and how much?
SELECT billing_period, customer_id, customer_name, usage_date, currency,
       sum(lost_amount) AS lost
FROM credit_lost
GROUP BY ALL
ORDER BY lost DESC, customer_id, usage_date
LIMIT 20;
