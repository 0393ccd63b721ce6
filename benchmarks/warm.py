"""A command in a process that has run it before, as a worker's second ticker: prints seconds.

arguments: how often, and the words of the command.
"""

import contextlib
import io
import sys
import time

from stockops.cli import main

taken = []
for _ in range(1 + int(sys.argv[1])):
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(sys.argv[2:])
    taken.append(time.perf_counter() - started)
    if code:
        sys.exit(code)
sys.stdout.write(f"{min(taken[1:])}\n")
