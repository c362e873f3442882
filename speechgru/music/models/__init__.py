"""Networks that foretell music, one a file, as in speechgru/models: KIND, Settings and Model.

Those of KIND "roll" foretell piano rolls, and share four methods:

- hear(view, state, lengths) -> features, state: what the steps before say about each step; `view` from `views.view`.
- log_probs(features, keys) -> [B, T, 88]: how likely each key is as it is in `keys` [B, T, 88], given the steps before
  and, in an autoregressive model, the keys below. Their sum is the log-likelihood.
- forward(view, keys, state, lengths) -> log_probs, state: both at once.
- draw(features, choose) -> [B, 88]: one step, made up key by key from the lowest; `choose(key, logits)` [B] says which
  sound.
"""
