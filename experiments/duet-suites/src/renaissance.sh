# usage: renaissance.sh LIMIT_SEC JAR REPETITIONS BENCHMARK
. "$REPRISE_BUNDLE/src/jvm.sh"
measure "$1" -jar "$2" --repetitions "$3" --json results.json "$4"
