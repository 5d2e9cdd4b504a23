-- Which resource groups cost most in March, and how far is the invoice from their usage?
SELECT currency, customer_name, resource_group, expected_amount, invoiced_amount,
       invoiced_amount - expected_amount AS variance
FROM cost_by_resource_group
WHERE billing_period = '2027-03' AND resource_group <> ''
ORDER BY invoiced_amount DESC, resource_group
LIMIT 15;
