"""Iceberg tables in BigLake's REST catalog: BigQuery reads them, and they are published by commits of files."""
