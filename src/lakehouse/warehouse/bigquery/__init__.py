"""The warehouse's tables in BigQuery, which also computes them."""
