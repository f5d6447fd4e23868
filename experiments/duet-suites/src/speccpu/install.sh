# usage: install.sh ARCHIVE FOLDER BENCHMARK...
archive=$1 folder=$2
shift 2
mkdir -p /media/speccpu/disc "$folder"
# ISO, ZIP or tar: whatever the licensee has.
bsdtar -xf "$archive" -C /media/speccpu/disc
rm "$archive"
found=$(find /media/speccpu/disc -maxdepth 2 -name install.sh | head -n 1)
cd "$(dirname "$found")"
sh ./install.sh -f -d "$folder"
rm -rf /media/speccpu/disc
cd "$folder"
cp config/Example-gcc-linux-x86.cfg config/duet-gcc-linux-x86.cfg
# It isn't written for a shell that ends at the first failed command.
. ./shrc || :
runcpu --config duet-gcc-linux-x86.cfg --define label=duet --define GCCge10 --action build --tuning peak "$@"
