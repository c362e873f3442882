"""Transcripts in files, one format a file."""

PLUGINS = ("ctm", "json", "srt", "textgrid", "tsv", "txt", "vtt")
