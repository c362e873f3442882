"""The tasks that learn music."""
