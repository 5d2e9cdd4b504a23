-- What is still to be paid or credited, by customer?
SELECT period, customer_name, currency, usage_without_line, credits_due
FROM accruals
WHERE usage_without_line <> 0 OR credits_due <> 0
ORDER BY period, credits_due DESC, customer_name
LIMIT 20;
