"""What waits for destinations: a place in the queue for each of them, over summaries and findings that are stored."""
