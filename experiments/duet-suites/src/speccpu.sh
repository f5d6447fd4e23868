# One copy, rate, peak tuning. A run that reaches its limit is asked to end, and keeps what it has.
# usage: speccpu.sh LIMIT_SEC ITERATIONS BENCHMARK
code=0
timeout -k 10 "$1" /duet/speccpu/bin/runcpu --config duet-gcc-linux-x86.cfg --define label=duet --define GCCge10 \
  --iterations "$2" --tuning peak --action onlyrun "$3" || code=$?
if [ "$code" = 124 ]; then
  echo "stopped at its limit" >&2
  code=0
fi
exit "$code"
