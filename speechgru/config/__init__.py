"""Recipes: their schema, how they are composed, and what a sweep varies."""
