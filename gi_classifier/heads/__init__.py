"""Classifiers of a user's own labels on the encoder's vectors."""
