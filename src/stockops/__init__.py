"""Train, serve, analyse and monitor stock forecasts from the command line."""

__version__ = "0.1.0"
GC_THRESHOLD = 100_000  # allocations between garbage collections; Python's 700 costs a tenth of the start-up time
# Printed before any other module can be imported, too.
INTERRUPTED = "stockops: interrupted; nothing was left half-written\n"
