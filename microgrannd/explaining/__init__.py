"""explain and walkthrough: the chain rule in words and numbers."""
