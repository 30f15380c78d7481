"""`python -m jupyter_prem.cli`."""

import sys

from jupyter_prem.cli import main

if __name__ == "__main__":
    sys.exit(main())
