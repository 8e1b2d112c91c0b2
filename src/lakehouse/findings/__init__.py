"""What there is to say of a set-up, and what is looked at of this machine: a line for each thing, nothing changed."""
