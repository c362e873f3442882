"""A known text put in time: where each word of it is in a recording."""
