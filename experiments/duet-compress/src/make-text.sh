#!/bin/sh
# A text of words with a skewed frequency, the same on every host: the generator is written out, as awks differ in theirs.
set -eu
awk -v words="$1" 'BEGIN {
  x = 12345
  for (i = 1; i <= words; i++) {
    x = (x * 16807) % 2147483647; a = x / 2147483647
    x = (x * 16807) % 2147483647; b = x / 2147483647
    printf "w%d%s", int(a * b * 5000), i % 11 == 0 ? "\n" : " "
  }
}'
