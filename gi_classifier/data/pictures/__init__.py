"""Pictures of pages: opened safely, recognised offline, their lines in reading order."""
