"""Dagster's view of the house: thin assets over the parts that do the work."""
