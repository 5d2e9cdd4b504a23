-- Who has how many open breaks, and how old are they?
SELECT CASE owner WHEN '' THEN 'nobody' ELSE owner END AS who, currency,
       CASE WHEN age_days <= 7 THEN '0-7' WHEN age_days <= 30 THEN '8-30' ELSE '31+' END AS days,
       count(*) AS breaks, sum(amount_now) AS amount
FROM breaks_open
GROUP BY ALL
ORDER BY ALL;
