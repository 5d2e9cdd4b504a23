-- Who has how many open breaks, and for how long have they been open?
SELECT tie_out, CASE owner WHEN '' THEN 'nobody' ELSE owner END AS who, currency,
       CASE WHEN days_open <= 30 THEN '0-30' WHEN days_open <= 90 THEN '31-90' ELSE '90+' END AS days,
       count(*) AS breaks, sum(amount_now) AS amount, sum(abs(amount_now)) AS gross_amount
FROM breaks_open
GROUP BY ALL
ORDER BY ALL;
