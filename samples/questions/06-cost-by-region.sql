-- What was used in each region?
SELECT resource_location, currency, count(DISTINCT resource_uri) AS resources, sum(amount) AS amount
FROM usage_daily
GROUP BY ALL
ORDER BY resource_location, currency;
