"""`python -m speechgru` is the command `speechgru`."""

import sys

from speechgru.cli import main

if __name__ == "__main__":
    sys.exit(main())
