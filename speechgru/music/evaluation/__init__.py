"""What generated music is judged by: statistics, distances, copies, likelihoods on benchmark sets."""
