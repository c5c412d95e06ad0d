"""``python -m gi_classifier``: the command line."""

from gi_classifier.cli.app import main

main()
