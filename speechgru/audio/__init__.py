"""Sound files and signals: reading, writing, resampling, levels, editing."""
