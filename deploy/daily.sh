#!/bin/sh
# After the close: forecasts and verdicts, for the symbols of a file (one a line, # begins a comment).
# Every step runs, whatever became of the one before; exits with the highest code, so cron or systemd says so.
set -u
[ $# -eq 1 ] || { echo "usage: daily.sh TICKERS_FILE" >&2; exit 2; }

worst=0
step() {
  "$@" || { code=$?; echo "daily: exit $code: $*" >&2; [ "$code" -le "$worst" ] || worst=$code; }
}

step stockops predict-parent
step stockops predict-child --tickers-file "$1"
step stockops monitor-parent
step stockops monitor-ticker --tickers-file "$1" --fail-on critical
exit "$worst"
