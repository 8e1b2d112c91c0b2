"""What each source is and how it is fetched: plain dlt, no Dagster, no warehouse."""
