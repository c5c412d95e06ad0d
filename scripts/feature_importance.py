"""The ranked keyword table of a file of records: ``gi-classifier keywords`` under its old name."""

import sys

from gi_classifier.cli.app import main

if __name__ == "__main__":
    sys.argv.insert(1, "keywords")
    main()
