"""Generated sources for the demo, tests and benchmarks: always marked as samples, never real records."""
