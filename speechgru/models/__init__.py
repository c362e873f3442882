"""Networks, one a file (KIND, Settings, Model(settings)), their parts, and the files that hold their weights."""

PLUGINS = ("acoustic", "classifier", "detector", "language")
