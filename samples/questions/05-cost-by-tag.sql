-- What does each cost centre come to, month by month?
SELECT value AS cost_center, currency, billing_period, sum(amount) AS amount
FROM cost_by_tag
WHERE tag = 'costCenter'
GROUP BY ALL
ORDER BY amount DESC, cost_center, billing_period
LIMIT 20;
