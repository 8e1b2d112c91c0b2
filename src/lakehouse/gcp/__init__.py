"""The project of Google Cloud that settings name: what is called how there, who asks, and by which clients."""
