"""`python -m stockops`, and what the installed `stockops` command calls."""

import sys

from stockops.cli import main


def run() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    run()
