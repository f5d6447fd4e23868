# A command that this host must have: installed from Debian's or Ubuntu's packages where it isn't there and the host isn't
# somebody's own machine. The engine's own message tells what is missing on other systems.
# usage: need.sh PLACE COMMAND PACKAGE...
place=$1 command=$2
shift 2
! command -v "$command" >/dev/null || exit 0
if [ "$place" = local ] || ! command -v apt-get >/dev/null; then
  echo "this machine has no $command: install it first (Debian's packages: $*)" >&2
  exit 1
fi
[ "$(id -u)" = 0 ] || sudo="sudo -n"
$sudo apt-get -q update
DEBIAN_FRONTEND=noninteractive $sudo apt-get -q install -y --no-install-recommends "$@"
command -v "$command"
