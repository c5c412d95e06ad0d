"""A model directory, opened and run."""
