/**
 * What runs on the host: the command once, however often it is delivered, its output kept there, and a short report.
 *
 * Systems Manager has no client token, so `mkdir` is the lock: whoever comes second waits for the first one's end and
 * reports that. The report says sizes and digests; small output is in it, larger output is fetched in pieces. Everything
 * that isn't ours to write is base64: Systems Manager reads `{{…}}` in parameters as references of its own.
 */
export interface Delivery {
  readonly id: string;
  readonly spool: string;
  readonly user: string;
  /** Quoted for a POSIX shell. */
  readonly command: string;
  readonly stdin: StdinSource;
  /** How long somebody who comes second waits for the first one's end. */
  readonly waitSec: number;
}

export type StdinSource =
  | { readonly kind: "none" }
  /** gzip, then base64. */
  | { readonly kind: "inline"; readonly text: string; readonly sha256: string }
  /** As `inline`, in pieces that were put on the host before. */
  | { readonly kind: "staged"; readonly pieces: number; readonly sha256: string }
  | { readonly kind: "url"; readonly url: string; readonly sha256: string };

/** stdout up to this size is in the report: with base64 and the rest below the 24,000 characters that the API shows. */
export const inlineBytes = 12_000;
/** The end of stderr that is in the report. */
export const stderrTailBytes = 4_096;
/** Bytes of one piece: in base64 below the 24,000 characters. */
export const pieceBytes = 17_000;

/** @throws {TypeError} for a user or id that isn't a plain word */
export function renderDelivery(delivery: Delivery): string {
  const { id, spool, user, command, stdin, waitSec } = delivery;
  return `set -u
umask 077
base=${word(spool)} id=${word(id)} user=${word(user)}
d=$base/$id
say() { printf 'reprise-ssm 1 %s %s\\n' "$id" "$1"; exit 0; }
id -u "$user" > /dev/null 2>&1 || say nouser
mkdir -p "$base"
find "$base" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} + 2> /dev/null
if mkdir "$d" 2> /dev/null; then
${stageStdin(stdin)}
  command=$(printf %s ${word(toBase64(command))} | base64 -d)
  home=$(getent passwd "$user" 2> /dev/null | cut -d: -f6)
  (
    umask 022
    cd "\${home:-/}" 2> /dev/null || cd /
    if [ "$(id -un)" = "$user" ]; then
      HOME=\${home:-/} exec sh -c "$command"
    else
      exec runuser -u "$user" -- env HOME="\${home:-/}" USER="$user" LOGNAME="$user" sh -c "$command"
    fi
  ) < "$d/in" > "$d/out" 2> "$d/err"
  rc=$?
  rm -f "$d/in"
  printf '%s\\n' "$rc" > "$d/rc.new"
  mv "$d/rc.new" "$d/rc"
else
  n=0
  until [ -f "$d/rc" ] || [ "$n" -ge ${waitSec} ]; do
    sleep 1
    n=$((n + 1))
  done
  [ -f "$d/rc" ] || say lost
fi
cd /
read -r rc < "$d/rc"
size() { wc -c < "$1" | tr -d ' '; }
digest() { sha256sum < "$1" | cut -d' ' -f1; }
out=$(size "$d/out") err=$(size "$d/err") packed=0
if [ "$out" -gt ${inlineBytes} ]; then
  [ -f "$d/out.gz" ] || { gzip -c < "$d/out" > "$d/out.gz.$$" && mv "$d/out.gz.$$" "$d/out.gz"; }
  packed=$(size "$d/out.gz")
fi
printf 'reprise-ssm 1 %s rc=%s out=%s sha256=%s packed=%s err=%s\\n' "$id" "$rc" "$out" "$(digest "$d/out")" "$packed" "$err"
if [ "$out" -le ${inlineBytes} ]; then base64 < "$d/out" | tr -d '\\n'; fi
echo
tail -c ${stderrTailBytes} < "$d/err" | base64 | tr -d '\\n'
echo
`;
}

function stageStdin(stdin: StdinSource): string {
  switch (stdin.kind) {
    case "none":
      return `  : > "$d/in"`;
    case "inline":
      return `  printf %s ${word(stdin.text)} | base64 -d | gzip -dc > "$d/in" || :
${checkStdin(stdin.sha256)}`;
    case "staged":
      // The pieces' names sort as they follow each other.
      return `  cat "$base"/${word(stagedName(stdin.sha256))}/* 2> /dev/null | base64 -d | gzip -dc > "$d/in" || :
${checkStdin(stdin.sha256)}`;
    case "url":
      return `  url=$(printf %s ${word(toBase64(stdin.url))} | base64 -d)
  curl -fsS --retry 0 --max-time 300 -o "$d/in" "$url" 2> /dev/null || wget -q -T 300 -t 1 -O "$d/in" "$url" 2> /dev/null || :
${checkStdin(stdin.sha256)}`;
    default:
      return stdin satisfies never;
  }
}

const stagedName = (sha256: string): string => `in-${sha256}`;

/** Puts one piece of a large stdin on the host, from where any delivery takes it for a day. */
export function renderStage(
  { spool, user }: Pick<Delivery, "spool" | "user">,
  piece: { readonly sha256: string; readonly index: number; readonly text: string },
): string {
  const name = String(piece.index).padStart(4, "0");
  return `set -u
umask 077
base=${word(spool)}
id -u ${word(user)} > /dev/null 2>&1 || exit ${notYetCode}
d=$base/${word(stagedName(piece.sha256))}
mkdir -p "$d" && touch "$d" && printf %s ${word(piece.text)} > "$d/.${name}.$$" && mv "$d/.${name}.$$" "$d/${name}"
`;
}

/** Of a host that doesn't know the user yet. */
export const notYetCode = 75;

/** A one-time URL that somebody else used first gives nothing: the command must not run on that. */
const checkStdin = (sha256: string): string =>
  `  [ "$(sha256sum < "$d/in" | cut -d' ' -f1)" = ${sha256} ] || { rm -rf "$d"; say nostdin; }`;

/** One piece of a packed output, as base64; `from` counts bytes from 0. */
export const renderPiece = (spool: string, id: string, from: number, bytes: number): string =>
  `tail -c +${from + 1} < ${word(`${spool}/${id}/out.gz`)} | head -c ${bytes} | base64 | tr -d '\\n'\n`;

/** The whole packed output, as base64 in lines: for the agent's upload to a bucket. */
export const renderWhole = (spool: string, id: string): string => `base64 < ${word(`${spool}/${id}/out.gz`)}\n`;

/** Forgets a command whose result was read; also one that never was. */
export const renderForget = (spool: string, id: string): string => `rm -rf ${word(`${spool}/${id}`)}\n`;

const toBase64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** What we made ourselves of characters that a shell takes as they are. */
function word(text: string): string {
  if (!/^[A-Za-z0-9_/.+=-]*$/.test(text)) throw new TypeError(`not a plain word: ${JSON.stringify(text)}`);
  return `'${text}'`;
}
