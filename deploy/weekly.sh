#!/bin/sh
# At the weekend: a new market model and its children. Exits with the highest code of its steps.
. "$(dirname "$0")/steps.sh"

step stockops train-parent
step stockops train-child --tickers-file "$1" --skip-fresh
exit "$worst"
