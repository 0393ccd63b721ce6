"""Runs a command in a process that has run it before, as for a worker's second ticker; prints the best seconds.

Arguments: number of repetitions, then the command line.
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
