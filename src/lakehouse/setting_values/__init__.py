"""What settings may say, and in which words all else is refused."""
