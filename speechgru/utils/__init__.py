"""Private plumbing: files, plugins, checked settings, processes, downloads."""
