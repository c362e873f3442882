"""What runs an acoustic model, one runtime a file: `speechgru.inference.protocols.Engine` says what each has."""
