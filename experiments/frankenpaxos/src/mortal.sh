#!/bin/sh
# Runs a process that the driver may kill, by a message on which it says "Die!" and exits. Such a death is part of the trial: this
# shell then stays until it is ended itself. Of any other end it takes the exit code.
# usage: mortal.sh COMMAND ARGUMENT…
set -eu
asked= process=
end_it() { [ -z "$process" ] || kill -TERM "$process" 2>/dev/null || true; }
# Before there is anything to end: whoever sees the process at work may end us at once.
trap 'asked=yes; end_it' TERM INT
"$@" 2>last-words.log &
process=$!
[ -z "$asked" ] || end_it
status=0
# A signal ends wait, not the process: only its own end gives its status.
while :; do
  status=0
  wait "$process" || status=$?
  kill -0 "$process" 2>/dev/null || break
done
was_killed=
[ -n "$asked" ] || ! grep -q 'Die!' last-words.log || was_killed=yes
cat last-words.log >&2
[ -n "$was_killed" ] || exit "$status"
while [ -z "$asked" ]; do sleep 1; done
