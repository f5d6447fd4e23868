# A suite's image on the build host: pulled where a name is given, else built of a recipe; saved in pieces for the others.
# usage: image.sh ENGINE IMAGE PULL FREE_MIB PIECES RECIPE [BUILD_ARGUMENT...], in the folder with what the recipe copies
engine=$1 image=$2 pull=$3 needed=$4 pieces=$5 recipe=$6
shift 6
root=$("$engine" info --format '{{.DockerRootDir}}' 2>/dev/null || "$engine" info --format '{{.Store.GraphRoot}}')
for place in "$root" .; do
  free=$(df -Pm "$place" | awk 'NR == 2 { print $4 }')
  if [ "$free" -lt "$needed" ]; then
    echo "too little disk: $needed MiB are needed free in $place, and there are $free; ask for a larger disk under machine:" >&2
    exit 1
  fi
done
if [ -n "$pull" ]; then
  "$engine" pull "$pull"
  "$engine" tag "$pull" "$image"
else
  for argument in "$@"; do
    shift
    set -- "$@" --build-arg "$argument"
  done
  cp -R "$recipe"/. .
  "$engine" build "$@" --tag "$image" .
fi
"$engine" image inspect --format '{{.Id}} {{json .RepoDigests}}' "$image" | tee image.txt
# What podman calls an image by its digest is the same on the other side only in this format.
case $("$engine" --version) in *podman*) format="--format oci-archive" ;; esac
"$engine" save $format "$image" | gzip -1 >image.tar.gz
split -b 128m -d -a 3 image.tar.gz piece-
rm image.tar.gz
if [ -e "piece-$(printf %03d "$pieces")" ]; then
  echo "the image is larger than $((pieces * 128)) MiB: raise \`pieces\`" >&2
  exit 1
fi
n=0
while [ "$n" -lt "$pieces" ]; do
  piece=piece-$(printf %03d "$n")
  [ -e "$piece" ] || : >"$piece"
  mv "$piece" "piece-$n"
  n=$((n + 1))
done
