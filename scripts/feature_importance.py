"""The ranked keyword table of a file of records: ``gi-classifier keywords`` under its old name.

``--threshold`` is the reference's name for what the command calls ``--share``.
"""

import re
import sys

from gi_classifier.cli.app import main

if __name__ == "__main__":
    options = [re.sub(r"\A--threshold(?=\Z|=)", "--share", option) for option in sys.argv[1:]]
    sys.argv[1:] = ["keywords", *options]
    main()
