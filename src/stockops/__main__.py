"""Entry point of `python -m stockops` and of the installed `stockops` command."""

import gc
import os
import signal
import sys

from stockops import GC_THRESHOLD, INTERRUPTED


def run() -> None:
    """Run the command line and exit with its code."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, _leave)  # until something can catch a KeyboardInterrupt
    from stockops.cli import main
    from stockops.threads import SINGLE_PROCESS

    os.environ.update({**SINGLE_PROCESS, **os.environ})
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # searching for plugins reads every package's metadata
    gc.set_threshold(GC_THRESHOLD)
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    if heeded:
        signal.signal(signal.SIGINT, _leave)
    gc.freeze()  # the process is ending: skip a last full garbage collection of everything it holds
    sys.exit(code)


def _leave(*_: object) -> None:
    os.write(2, INTERRUPTED.encode())
    os._exit(130)


if __name__ == "__main__":
    run()
