"""Records in and out: reading, writing, splitting, recognising."""
