"""From log-probabilities to text: greedy and beam search over CTC emissions, and what they are built from."""

PLUGINS = ("beam", "greedy")
