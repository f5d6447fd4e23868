#!/bin/sh
# Puts the assembly JAR at frankenpaxos.jar in the shared folder: from a URL, or as it came with the definition.
# usage: fetch-jar.sh URL-OR-NOTHING SHA256-OR-NOTHING
set -eu
url=$1 sha256=$2
target=$REPRISE_SHARED/frankenpaxos.jar
if [ -n "$url" ]; then
  curl -fsSL --retry 3 --max-time 600 -o "$target.part" "$url" || {
    echo "fetch-jar: no JAR from $url" >&2
    exit 1
  }
elif [ -f "$REPRISE_BUNDLE/jar/frankenpaxos.jar" ]; then
  cp "$REPRISE_BUNDLE/jar/frankenpaxos.jar" "$target.part"
else
  echo "fetch-jar: no JAR: put it at jar/frankenpaxos.jar beside the definition, or set the parameter jar to its URL" >&2
  exit 1
fi
found=$(sha256sum "$target.part" | cut -d ' ' -f 1)
if [ -n "$sha256" ] && [ "$found" != "$sha256" ]; then
  echo "fetch-jar: the JAR's SHA-256 is $found, $sha256 was asked for" >&2
  exit 1
fi
mv "$target.part" "$target"
echo "frankenpaxos.jar $found"
