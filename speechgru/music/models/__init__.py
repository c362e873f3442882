"""Networks that predict music, one a file, as in speechgru/models: KIND, Settings and Model(settings).

They share two methods:

- encode(view, state, lengths) -> features, state: of what came before each step; `view` as `roll_inputs.view` or
  `token_inputs.view` makes it.
- forward(view, targets, state, lengths) -> log_probs [B, T, ...], state: log-probabilities of `targets`. What belongs
  to a step adds up to its log-likelihood.

Those of KIND "roll" (targets [B, T, 88]) sample a step by sampler()(features, choose) -> [B, 88], key by key from the
lowest: `choose(key, logits)` [B] decides which sound. Those of KIND "words" (targets [B, T]) predict the next token by
next_log_probs(features, view) -> [B, T, tokens].
"""

PLUGINS = ("biaxial", "roll", "words")
