"""Where tables are computed and stored: one loop for all of them, and an engine for each profile."""
