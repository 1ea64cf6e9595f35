"""What Snakemake asks: the config, typed settings, checks, the plan, requests to a cluster."""
