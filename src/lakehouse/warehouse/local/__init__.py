"""The local warehouse: DuckDB computes on this machine, Iceberg stores on its disk."""
