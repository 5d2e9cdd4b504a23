-- Do the resources of each group add up to the group? Counted are those that do not.
SELECT v.billing_period, count(*) AS groups_, count(*) FILTER (
           WHERE v.expected_amount <> r.expected OR v.invoiced_amount <> r.invoiced) AS wrong
FROM variances_latest v JOIN (
    SELECT billing_period, break_id, sum(expected_amount) AS expected, sum(invoiced_amount) AS invoiced
    FROM resources GROUP BY ALL) r
USING (billing_period, break_id)
WHERE v.tie_out = 'usage-to-invoice'
GROUP BY ALL ORDER BY ALL;
