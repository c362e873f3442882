"""Networks that foretell music, one a file, as in speechgru/models: KIND, Settings and Model(settings).

They share two methods:

- hear(view, state, lengths) -> features, state: what came before each step says about it; `view` as
  `roll_inputs.view` or
  `token_inputs.view` makes it.
- forward(view, targets, state, lengths) -> log_probs [B, T, ...], state: how likely each step is as it is in `targets`.
  What belongs to a step adds up to its log-likelihood.

Those of KIND "roll" (targets [B, T, 88]) draw a step by draw(features, choose) -> [B, 88], key by key from the lowest:
`choose(key, logits)` [B] says which sound. Those of KIND "words" (targets [B, T]) say what may come next by
say(features, view) -> log-probabilities [B, T, words].
"""

PLUGINS = ("biaxial", "roll", "words")
