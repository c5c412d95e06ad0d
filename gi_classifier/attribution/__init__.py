"""Which words decided an answer, how faithful that is, and the keywords of a corpus."""
