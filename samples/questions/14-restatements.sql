-- Which months came again with other content, and where is the difference posted?
SELECT period, noticed_at, dataset, invoice_number, currency, rows_after - rows_before AS rows_more,
       delta, posted_in
FROM restatements
ORDER BY noticed_at, dataset, invoice_number, currency;
