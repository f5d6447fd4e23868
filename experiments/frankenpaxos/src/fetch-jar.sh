#!/bin/sh
# Puts the assembly JAR at frankenpaxos.jar in the shared folder: as it was built, from a URL, from a path on this host (that
# of a shared file system, say), or as it came with the definition.
# usage: fetch-jar.sh URL-OR-PATH-OR-NOTHING SHA256-OR-NOTHING
set -eu
from=$1 sha256=$2
target=$REPRISE_SHARED/frankenpaxos.jar
built=$REPRISE_SHARED/built.jar
give_up() {
  echo "fetch-jar: $*" >&2
  exit 1
}
if [ -s "$built" ]; then
  cp "$built" "$target.part"
elif [ -z "$from" ]; then
  [ -f "$REPRISE_BUNDLE/jar/frankenpaxos.jar" ] ||
    give_up "no JAR: put it at jar/frankenpaxos.jar beside the definition, or set the parameter jar to its URL or path"
  cp "$REPRISE_BUNDLE/jar/frankenpaxos.jar" "$target.part"
elif [ -z "${from##*://*}" ]; then
  curl -fsSL --retry 3 --max-time 600 -o "$target.part" "$from" || give_up "no JAR from $from"
else
  [ -f "$from" ] || give_up "there is no JAR at $from on this host"
  cp "$from" "$target.part"
fi
found=$(sha256sum "$target.part" | cut -d ' ' -f 1)
if [ -n "$sha256" ] && [ "$found" != "$sha256" ]; then
  give_up "the JAR's SHA-256 is $found, $sha256 was asked for"
fi
mv "$target.part" "$target"
echo "frankenpaxos.jar $found"
