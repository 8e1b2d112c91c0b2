"""Where tables are computed and stored: one protocol, an implementation for each profile."""
