# A file by its URL (`file:` for one that lies on this host), refused unless it has the digest that was stated.
# usage: download.sh URL DIGEST FILE, with a digest such as sha256:e3b0…
url=$1 digest=$2 file=$3
case $digest in
sha256:* | sha512:*) check=${digest%%:*}sum ;;
*)
  echo "say which file it is: its digest as sha256:… or sha512:…, and not \"$digest\"" >&2
  exit 1
  ;;
esac
same() { echo "${digest#*:}  $1" | "$check" -c - >/dev/null 2>&1; }
if [ -f "$file" ] && same "$file"; then exit 0; fi
case $url in
file://*) ln -sf "${url#file://}" "$file.part" ;;
/*) ln -sf "$url" "$file.part" ;;
*) curl --fail --location --silent --show-error --retry 3 --output "$file.part" "$url" ;;
esac
if [ ! -f "$file.part" ]; then
  echo "there is no file at $url on this host" >&2
  exit 1
fi
if ! same "$file.part"; then
  echo "$url has the ${digest%%:*} $("$check" "$file.part" | cut -d ' ' -f 1), and not the one that was stated" >&2
  exit 1
fi
cp -L "$file.part" "$file"
rm "$file.part"
