#!/bin/sh
# Times COMMAND on one file again and again, in step with the other side where there is one; a line an iteration.
# usage: iterate.sh ITERATIONS FILE COMMAND...
set -eu
iterations=$1 file=$2
shift 2
# Opening a pipe waits for the partner's end, so the sides go in opposite order.
if [ -z "${REPRISE_BARRIER_SEND:-}" ]; then meet() { :; }
else
  if [ "$REPRISE_ARM" = A ]; then exec 8>"$REPRISE_BARRIER_SEND" 9<"$REPRISE_BARRIER_WAIT"
  else exec 9<"$REPRISE_BARRIER_WAIT" 8>"$REPRISE_BARRIER_SEND"; fi
  meet() { echo >&8 && read -r _ <&9; }
fi
echo iteration,start_ns,duration_ns,bytes >iterations.csv
i=0
while [ "$i" -lt "$iterations" ] && meet; do
  start=$(date +%s%N)
  bytes=$("$@" <"$file" | wc -c)
  end=$(date +%s%N)
  echo "$i,$start,$((end - start)),$bytes" >>iterations.csv
  i=$((i + 1))
done
