-- What moved between the last two complete nights of March?
SELECT as_of, tie_out, currency, opening, "new", moved, resolved, accepted, closing
FROM movement_between_runs
WHERE period = '2027-03'
QUALIFY dense_rank() OVER (ORDER BY run_no DESC) <= 2
ORDER BY as_of, tie_out, currency;
