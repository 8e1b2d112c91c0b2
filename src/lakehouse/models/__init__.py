"""A SQL file, understood: header, SELECT, checks, lineage; no engine and no storage."""
