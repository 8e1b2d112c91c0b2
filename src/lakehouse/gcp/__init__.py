"""Google Cloud: which project, who asks, and its clients."""
