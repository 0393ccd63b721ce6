"""`python -m stockops`, and what the installed `stockops` command calls."""

import gc
import os
import signal
import sys

from stockops import INTERRUPTED

_YOUNG = 100_000  # objects between two collections; with Python's 700 a start-up spends a tenth of its time in them


def run() -> None:
    """Run the command line and leave with its exit code."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, _leave)  # until there is somebody to catch a KeyboardInterrupt
    from stockops.cli import main
    from stockops.threads import SINGLE_PROCESS

    os.environ.update({**SINGLE_PROCESS, **os.environ})
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every package's metadata
    gc.set_threshold(_YOUNG)
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    if heeded:
        signal.signal(signal.SIGINT, _leave)
    gc.freeze()  # the process ends: what it holds need not be searched for garbage once more, object by object
    sys.exit(code)


def _leave(*_: object) -> None:
    os.write(2, INTERRUPTED.encode())
    os._exit(130)


if __name__ == "__main__":
    run()
