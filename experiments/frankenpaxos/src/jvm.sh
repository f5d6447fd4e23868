#!/bin/sh
# Starts one process of the system, with what all of its main classes take; this shell ends when it ends.
# usage: jvm.sh HEAP-OR-NOTHING MAIN-CLASS FLAG…
# JAR is the assembly, LOG_LEVEL the process's; METRICS_PORT is where it serves metrics for Prometheus, -1 where it doesn't,
# empty where it can't.
# With PROFILE=true the process runs under `perf record`: perf-{pid}.data and, from Java 17 on, the map of compiled code
# perf-{pid}.map stay in its folder, ready for `perf script`.
set -eu
heap=$1 main=$2
shift 2
[ -z "$METRICS_PORT" ] || set -- --prometheus_host "$METRICS_HOST" --prometheus_port "$METRICS_PORT" "$@"
set -- -cp "$JAR" "$main" --log_level "$LOG_LEVEL" "$@"
[ -z "$heap" ] || set -- "-Xms$heap" "-Xmx$heap" "$@"
# The authors had the collector's log on whenever they monitored; Java 8 and those after it spell it differently.
if [ "${METRICS_PORT:--1}" != -1 ]; then
  if java -Xlog:disable -version >/dev/null 2>&1; then
    set -- "-Xlog:gc*:file=gc.log" "$@"
  else
    set -- -Xloggc:gc.log -XX:+PrintGCDetails -XX:+PrintGCDateStamps -XX:+PrintHeapAtGC "$@"
  fi
fi
[ "$PROFILE" = true ] || exec java "$@"

command -v perf >/dev/null 2>&1 || {
  echo "jvm.sh: there is no perf on this host: install linux-perf (linux-tools on Ubuntu), or leave profile off" >&2
  exit 1
}
asked= java=
end_it() { [ -z "$java" ] || kill -TERM "$java" 2>/dev/null || true; }
# Before there is anything to end: whoever sees the process at work may end us at once.
trap 'asked=yes; end_it' TERM INT
# Older Javas don't know the map: they start without it.
java -XX:+IgnoreUnrecognizedVMOptions -XX:+PreserveFramePointer -XX:+UnlockDiagnosticVMOptions -XX:+DumpPerfMapAtExit "$@" &
java=$!
[ -z "$asked" ] || end_it
perf record -q -g --timestamp --pid "$java" --output "perf-$java.data" &
perf=$!
status=0
# A signal ends wait, not the process: only its own end gives its status.
while :; do
  status=0
  wait "$java" || status=$?
  kill -0 "$java" 2>/dev/null || break
done
# It ends when the process has.
wait "$perf" || true
[ ! -f "/tmp/perf-$java.map" ] || mv "/tmp/perf-$java.map" .
exit "$status"
