-- Which invoices have lines that are off the rounding rule of the others?
SELECT billing_period, invoice_number, currency, rounding_rule, off_rule_lines, off_rule_amount
FROM invoices
WHERE invoice_number <> ''
ORDER BY off_rule_lines DESC, billing_period, invoice_number, currency;
