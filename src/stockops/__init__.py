"""Train, serve, analyse and monitor stock forecasts from the command line."""

__version__ = "0.1.0"
INTERRUPTED = "stockops: interrupted; nothing was left half-written\n"  # said before any module can be imported, too
