"""NYC Lakehouse: New York's trip records from published file to gold table, with Dagster in charge."""
