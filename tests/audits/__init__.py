"""Whether the checks catch what they are for: files corrupted in many ways, and what became of each."""
