"""Answers from the web: how a model searches, and which source a mark points to."""
