"""`python -m goop2_desktop` opens the app."""

import sys

from goop2_desktop.app import main

sys.exit(main())
