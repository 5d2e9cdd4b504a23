-- What do exchange rates do: at which rates is usage billed, and what variance is theirs?
SELECT u.billing_period, u.pricing_currency, u.currency, u.rates, u.amount, v.fx_amount
FROM (SELECT billing_period, pricing_currency, currency, sum(amount) AS amount,
             string_agg(DISTINCT CAST(exchange_rate AS VARCHAR), ' ') AS rates
      FROM usage_daily GROUP BY ALL) u
JOIN (SELECT billing_period, currency, sum(fx_amount) AS fx_amount
      FROM variances_latest WHERE tie_out = 'usage-to-invoice' GROUP BY ALL) v
USING (billing_period, currency)
ORDER BY ALL;
