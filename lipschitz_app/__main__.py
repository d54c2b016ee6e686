"""``python -m lipschitz_app``."""

import sys

from lipschitz_app.cli import main

if __name__ == "__main__":
    sys.exit(main())
