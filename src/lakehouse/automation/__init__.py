"""What runs by itself: a sensor for what the sources publish, a schedule for what changes daily."""
