"""What both engines read alike: the list, what is refused, and how the rest is written for the local engine."""
