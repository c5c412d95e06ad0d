"""Studies of a file of records: evaluation, comparison, inspection, label errors."""
