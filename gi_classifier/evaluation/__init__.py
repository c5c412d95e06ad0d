"""Measures of a classifier, and the simple rivals it is compared with."""
