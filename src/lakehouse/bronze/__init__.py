"""What is landed, which landing is current, and how a file of any era is read; no engine, no Dagster."""
