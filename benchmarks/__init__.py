"""Programs that measure latency, cost and quality, and the pages of their results."""
