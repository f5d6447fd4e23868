# DaCapo's harness, and ScalaBench's, as patched: CSV by iteration, and a barrier before each where the sides shall meet.
# usage: dacapo.sh LIMIT_SEC JAR ITERATIONS BENCHMARK BARRIER_FOLDER
. "$REPRISE_BUNDLE/src/jvm.sh"
agent= barrier= wait=
if [ -n "${REPRISE_BARRIER_SEND:-}" ]; then
  barrier=$REPRISE_RUN.$4.$REPRISE_TRIAL.$REPRISE_ATTEMPT
  if [ "$REPRISE_ARM" = A ]; then
    "$5/ubench-barrier" "$barrier" 2
    exec 8>"$REPRISE_BARRIER_SEND" 9<"$REPRISE_BARRIER_WAIT"
  else
    exec 9<"$REPRISE_BARRIER_WAIT" 8>"$REPRISE_BARRIER_SEND"
  fi
  # B attaches to what A has made.
  echo >&8 && read -r _ <&9
  agent=-agentpath:$5/libubench-agent.so wait="--iteration-barrier $barrier"
fi
code=0
measure "$1" $agent -jar "$2" --iterations "$3" --no-validation $wait -o results.csv "$4" || code=$?
[ -z "$barrier" ] || rm -f "/dev/shm/java-ubench-agent$barrier"
exit "$code"
