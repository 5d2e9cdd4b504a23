-- What do the lines of each charge type come to, before and after tax?
SELECT billing_period, currency, charge_type, count(*) AS lines, sum(subtotal) AS subtotal,
       sum(tax) AS tax, sum(total) AS total
FROM invoice_lines
GROUP BY ALL
ORDER BY billing_period, currency, charge_type;
