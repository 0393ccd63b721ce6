"""`python -m stockops`, and what the installed `stockops` command calls."""

import gc
import os
import sys

from stockops.cli import main
from stockops.threads import ALONE

_YOUNG = 100_000  # objects between two collections; with Python's 700 a start-up spends a tenth of its time in them


def run() -> None:
    """Run the command line and leave with its exit code."""
    os.environ.update({**ALONE, **os.environ})
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every package's metadata
    gc.set_threshold(_YOUNG)
    code = main()
    gc.freeze()  # the process ends: what it holds need not be searched for garbage once more, object by object
    sys.exit(code)


if __name__ == "__main__":
    run()
