-- Which ten meters cost most, in each currency?
SELECT currency, meter_category, meter_name, meter_id, unit,
       sum(quantity) AS quantity, sum(amount) AS amount
FROM usage_daily
GROUP BY currency, meter_category, meter_name, meter_id, unit
QUALIFY row_number() OVER (PARTITION BY currency ORDER BY sum(amount) DESC, meter_id) <= 10
ORDER BY currency, amount DESC;
