#!/bin/sh
# After the close: forecasts and verdicts, for the symbols of a file (one a line, # begins a comment).
# Exits with the highest code of its steps, so cron or systemd says so. An alarm (6) names ticker, judgement and figure.
. "$(dirname "$0")/steps.sh"

step stockops predict-parent
step stockops predict-child --tickers-file "$1"
step stockops monitor-parent --fail-on critical
step stockops monitor-ticker --tickers-file "$1" --fail-on critical
exit "$worst"
