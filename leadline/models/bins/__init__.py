"""Heads that answer with a distribution over ordered depths for every pixel."""
