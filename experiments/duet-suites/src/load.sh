# An image that the build host has made, loaded here: it must be that one, by its digest.
# usage: load.sh ENGINE IMAGE PIECES
engine=$1 image=$2 pieces=$3
n=0
while [ "$n" -lt "$pieces" ]; do
  cat "got-$n"
  rm "got-$n"
  n=$((n + 1))
done | gzip -dc | "$engine" load
built=$(cut -d ' ' -f 1 built.txt)
here=$("$engine" image inspect --format '{{.Id}}' "$image")
if [ "$here" != "$built" ]; then
  echo "$image is $here here, and $built on the build host" >&2
  exit 1
fi
echo "$image is $here"
