"""What is asked of a month before it is published, as declared in a header and as SQL."""
