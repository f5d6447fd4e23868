# What all suites of Java benchmarks share. A run that reaches its limit is asked to end, and keeps what it has.
# usage: measure LIMIT_SEC JAVA_ARGUMENT...
# Heap and collector are the thesis'; options that newer JDKs dropped are left out.
measure() {
  limit=$1
  shift
  code=0
  timeout -k 10 "$limit" java -Xms1536M -Xmx1536M -XX:NewSize=375M -XX:MaxNewSize=375M -XX:SurvivorRatio=4 \
    -XX:-UseAdaptiveSizePolicy -XX:MaxTenuringThreshold=4 -XX:InitialTenuringThreshold=4 -XX:+UseParallelGC "$@" || code=$?
  if [ "$code" = 124 ]; then
    echo "stopped at its limit" >&2
    code=0
  fi
  return "$code"
}
