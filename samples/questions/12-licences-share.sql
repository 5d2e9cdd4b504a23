-- Which share of each invoice, before tax, can no usage be held against: licences, reservations and the like?
SELECT billing_period, invoice_number, currency, lines_amount, not_checkable_amount,
       CASE WHEN lines_amount > 0 THEN round(100 * not_checkable_amount / lines_amount, 1) END AS percent
FROM invoices
WHERE invoice_number <> ''
ORDER BY billing_period, invoice_number, currency;
