-- How do the variances of breaks move from month to month, by cause?
SELECT billing_period, currency, cause, breaks_with_it, amount, gross_amount
FROM variance_by_cause_month
ORDER BY billing_period, currency, cause;
