-- Which share of each invoice can no usage be held against?
SELECT billing_period, invoice_number, currency, invoiced_amount, not_checkable_amount,
       round(100 * not_checkable_amount / invoiced_amount, 1) AS percent
FROM invoices
WHERE invoice_number <> ''
ORDER BY billing_period, invoice_number, currency;
