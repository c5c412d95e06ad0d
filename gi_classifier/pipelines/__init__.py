"""Long work on many records: files of any size, tables in memory, a cluster."""
