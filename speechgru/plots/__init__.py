"""Pictures of recordings, features and transcripts."""
