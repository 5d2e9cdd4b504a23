-- Which are the ten largest open breaks, and on how many resources do they lie?
SELECT b.period, b.break_id, b.customer_name, b.cause_now, b.currency, b.amount_now,
       count(r.resource_uri) AS resources
FROM breaks_open b LEFT JOIN resources r
  ON r.billing_period = b.period AND r.break_id = b.break_id AND r.resource_uri <> ''
GROUP BY b.period, b.break_id, b.customer_name, b.cause_now, b.currency, b.amount_now
ORDER BY abs(b.amount_now) DESC, b.break_id
LIMIT 10;
