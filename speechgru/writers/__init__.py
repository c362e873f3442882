"""Transcripts in files, one format a file."""

PLUGINS = ("ass", "ctm", "json", "lrc", "srt", "textgrid", "tsv", "txt", "vtt")
