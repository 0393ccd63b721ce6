# Sourced by the jobs. Every step runs, whatever became of the one before. What a step says goes to a log of the day, its
# results to a file beside it; the talk of a step that failed goes to stderr as well, which cron mails: a quiet day mails
# nothing. A job runs once at a time.
set -u
job=$(basename "$0" .sh)
[ $# -eq 1 ] || { echo "usage: $job.sh TICKERS_FILE" >&2; exit 2; }
home=${STOCKOPS_HOME:-.}
logs=$home/logs
mkdir -p "$logs" "$home/locks" || exit 75
exec 9> "$home/locks/$job.lock"
flock -n 9 || { echo "$job: another run holds $home/locks/$job.lock" >&2; exit 75; }
name=$logs/$job-$(date +%Y-%m-%d)
find "$logs" \( -name "$job-*.log" -o -name "$job-*.ndjson" \) -mtime +90 -delete

worst=0
step() {
  talk=$(mktemp) || exit 75
  code=0
  "$@" >> "$name.ndjson" 2> "$talk" 9>&- || code=$?
  { echo "$job: exit $code: $*"; cat "$talk"; } >> "$name.log"
  if [ "$code" -ne 0 ]; then
    { cat "$talk"; echo "$job: exit $code: $*; see $name.log"; } >&2
    [ "$code" -le "$worst" ] || worst=$code
  fi
  rm -f "$talk"
}
