# What the rule of scores.smk takes.

SCORES = of_experiment("scores/{}.parquet")
