"""`python -m goop2_core` is the command line."""

import sys

from goop2_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
