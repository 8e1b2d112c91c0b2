"""Tables of an open format, whoever's catalog has them: their types, and which of their files are of a month."""
