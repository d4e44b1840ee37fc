"""Where summaries go."""
