"""From a recording to a transcript, by a model from its file."""
