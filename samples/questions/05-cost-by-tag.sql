-- What does each cost centre come to, and what has none?
SELECT currency, CASE tag WHEN '' THEN 'without tags' ELSE value END AS cost_center, sum(amount) AS amount
FROM cost_by_tag
WHERE tag IN ('costCenter', '')
GROUP BY 1, 2
QUALIFY row_number() OVER (PARTITION BY currency ORDER BY sum(amount) DESC, cost_center) <= 10
ORDER BY currency, amount DESC, cost_center;
