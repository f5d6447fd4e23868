/**
 * The two scripts that run before, or without, a supervisor on the host; their inputs are arguments, never text.
 *
 * A root may start with `~/` or `$HOME/`, since the control side doesn't know a host's home folder.
 */
const findRoot = `case $1 in '~/'*) r=\${HOME:-/root}/\${1#'~/'} ;; '$HOME/'*) r=\${HOME:-/root}/\${1#'$HOME/'} ;; *) r=$1 ;; esac; shift`;

/** Exit code of a host without our supervisor; its boot id is on stdout. */
export const unpreparedExitCode = 67;

const launchScript = `${findRoot}
[ -f "$r/supervisor.sh" ] || { cat /proc/sys/kernel/random/boot_id; exit ${unpreparedExitCode}; }
exec sh "$r/supervisor.sh" "$@"`;

/** Takes a file on stdin, so that a torn transfer never becomes the supervisor. */
const shipScript = `${findRoot}
umask 022
mkdir -p "$r" && cat >"$r/$1.new.$$" || exit 70
sum() { if command -v sha256sum >/dev/null; then sha256sum; elif command -v openssl >/dev/null; then openssl dgst -sha256 -r; else shasum -a 256; fi; }
got=$(sum <"$r/$1.new.$$"); got=\${got%% *}
[ "$got" = "$2" ] || { rm -f "$r/$1.new.$$"; echo "reprise: $1 arrived torn: sha256 $got" >&2; exit 65; }
mv "$r/$1.new.$$" "$r/$1" && echo '{"kind":"put"}'`;

export const launchArgv = (root: string, verb: string, args: readonly string[]): [string, ...string[]] => [
  "sh",
  "-c",
  launchScript,
  "reprise",
  root,
  verb,
  ...args,
];

export const shipArgv = (root: string, file: string, sha256: string): [string, ...string[]] => [
  "sh",
  "-c",
  shipScript,
  "reprise",
  root,
  file,
  sha256,
];
