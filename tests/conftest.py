"""No test depends on what the caller's environment says."""

import os

_OURS = ("TRANSFER_STRATEGY", "FINNHUB_API_KEY", "FMI_API_KEY")
_COLOUR = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS")

for name in list(os.environ):  # before any fixture, so that those of a whole session are covered too
    if name.startswith("STOCKOPS_") or name in _OURS or name in _COLOUR:
        del os.environ[name]
