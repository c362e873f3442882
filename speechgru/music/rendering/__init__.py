"""Notes as sound and as a picture."""
