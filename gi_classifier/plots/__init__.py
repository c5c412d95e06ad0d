"""Plain tables and arrays to PNG."""
