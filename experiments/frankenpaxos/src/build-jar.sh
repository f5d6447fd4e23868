#!/bin/sh
# Makes the assembly JAR from the sources, once for all hosts: built.jar in the shared folder, empty where none is asked for.
# usage: build-jar.sh INDEX CHECKOUT BUILD-COMMAND
set -eu
index=$1 checkout=$2 build=$3
built=$REPRISE_SHARED/built.jar
if [ -z "$build" ] || [ "$index" != 0 ]; then
  : >"$built"
  exit 0
fi
give_up() {
  echo "build-jar: $*" >&2
  exit 1
}
case $checkout in
"") give_up "build needs a checkout: set the parameter checkout to a git URL, or to a path on the hosts" ;;
*://* | *@*:*)
  sources=$REPRISE_SHARED/sources
  rm -rf "$sources"
  git clone -q --depth 1 "$checkout" "$sources" || give_up "no sources from $checkout"
  ;;
*)
  sources=$checkout
  [ -d "$sources" ] || give_up "there is no folder $sources on this host"
  ;;
esac
cd "$sources"
sh -e -c "$build" >"$REPRISE_SHARED/build.log" 2>&1 || {
  tail -n 20 "$REPRISE_SHARED/build.log" >&2
  give_up "\`$build\` failed in $sources"
}
jar=$(tail -n 1 "$REPRISE_SHARED/build.log")
[ -f "$jar" ] || give_up "the last line that \`$build\` printed is no file: $jar"
cp "$jar" "$built"
echo "built $jar $(sha256sum "$built" | cut -d ' ' -f 1)"
