"""Nothing about heads: whole files, problems, progress, provenance, schemas, registries."""
