/**
 * A lock on a machine that was given to us, so that two runs never measure on it at once.
 *
 * The lock folder holds one file a holder, `holder.{n}`: its end (seconds of the machine's own clock), whose it is, and
 * a record for people. A holder is made whole and linked into place; who finds another live one afterwards takes its own
 * back, so that of two that come together at most one stays. Holders whose end has passed count for nothing: a lock
 * needs nobody to break it. The last holder removes the folder, unless another user made it: then it stays, empty.
 */
import { z } from "zod";
import type { RemoteTask } from "../../core/ports/transport.ts";

export const LockRecord = z.object({
  deployment: z.string(),
  runId: z.string(),
  owner: z.string(),
  /** Of the intent that took it. */
  name: z.string(),
  /** The part that the machine plays: `server-0`. */
  host: z.string(),
  region: z.string(),
  zone: z.string().optional(),
  takenAt: z.int(),
  expiresAt: z.int(),
  /** What a teardown could not remove. */
  left: z.array(z.string()).default([]),
});
export type LockRecord = z.infer<typeof LockRecord>;

export interface Holder {
  readonly record: LockRecord;
  /** By the machine's own clock. */
  readonly isLive: boolean;
}

export type TakeAnswer =
  | { readonly kind: "taken" | "mine" }
  | { readonly kind: "held"; readonly by: LockRecord | undefined }
  /** Somebody else came in the same moment: try again. */
  | { readonly kind: "busy" };

const timeoutMs = 20_000;

// Each script gets: folder, token, seconds to live, record. Reads that fail leave the variables empty: such a file went, or
// isn't ours, and holds nothing.
const common = `
set -u
umask 022
folder=$1 token=\${2-} ttl=\${3-0} record=\${4-}
now=$(date +%s)
look() {
  end= who= text=
  { { read -r end; read -r who; IFS= read -r text; } < "$1"; } 2>/dev/null
  case $end in ''|*[!0-9]*) end=0 ;; esac
}
put() {
  fresh=$folder/.new.$$.$now
  mkdir "$fresh" || return 1
  printf '%s\\n%s\\n%s\\n' "$((now + ttl))" "$token" "$record" > "$fresh/holder" || { rm -rf "$fresh"; return 1; }
}
`;

const takeScript = `${common}
mkdir -p "$folder" 2>/dev/null
chmod 1777 "$folder" 2>/dev/null
top=0 mine=
for file in "$folder"/holder.*; do
  [ -f "$file" ] || continue
  n=\${file##*.}
  [ "$n" -gt "$top" ] && top=$n
  look "$file"
  [ "$end" -gt "$now" ] || continue
  if [ "$who" = "$token" ]; then mine=$file; continue; fi
  echo held
  printf '%s\\n' "$text"
  exit 0
done
if [ -n "$mine" ]; then echo mine; exit 0; fi
put || { echo busy; exit 0; }
own=$folder/holder.$((top + 1))
ln "$fresh/holder" "$own" 2>/dev/null || own=
rm -rf "$fresh"
[ -n "$own" ] || { echo busy; exit 0; }
for file in "$folder"/holder.*; do
  [ "$file" != "$own" ] && [ -f "$file" ] || continue
  look "$file"
  if [ "$end" -gt "$now" ]; then rm -f "$own"; echo busy; exit 0; fi
done
for file in "$folder"/holder.*; do
  [ "$file" != "$own" ] && [ -f "$file" ] || continue
  look "$file"
  [ "$end" -gt "$now" ] || rm -f "$file" 2>/dev/null
done
echo taken
`;

const readScript = `${common}
for file in "$folder"/holder.*; do
  [ -f "$file" ] || continue
  look "$file"
  if [ "$end" -gt "$now" ]; then printf 'live '; else printf 'over '; fi
  printf '%s\\n' "$text"
done
`;

const rewriteScript = `${common}
for file in "$folder"/holder.*; do
  [ -f "$file" ] || continue
  look "$file"
  [ "$who" = "$token" ] || continue
  put || exit 1
  mv -f "$fresh/holder" "$file" || exit 1
  rm -rf "$fresh"
  echo rewritten
done
`;

const releaseScript = `${common}
for file in "$folder"/holder.*; do
  [ -f "$file" ] || continue
  look "$file"
  [ "$who" = "$token" ] && rm -f "$file"
done
rmdir "$folder" 2>/dev/null
exit 0
`;

const task = <T>(script: string, args: readonly string[], parse: (stdout: string) => T): RemoteTask<T> => ({
  argv: ["sh", "-c", script, "reprise-lock", ...args],
  timeoutMs,
  // Each of them leaves the same state when it is repeated.
  idempotent: true,
  parse,
});

const tokenOf = ({ deployment, name }: Pick<LockRecord, "deployment" | "name">): string =>
  JSON.stringify([deployment, name]);

const lease = (record: LockRecord, now: number): string[] => [
  tokenOf(record),
  String(Math.max(0, Math.ceil((record.expiresAt - now) / 1000))),
  JSON.stringify(record),
];

/** Takes the lock unless somebody holds it. */
export const takeLock = (folder: string, record: LockRecord, now: number): RemoteTask<TakeAnswer> =>
  task(takeScript, [folder, ...lease(record, now)], (stdout) => {
    const [kind, held] = stdout.split("\n");
    if (kind === "taken" || kind === "mine" || kind === "busy") return { kind };
    if (kind === "held") return { kind, by: parseRecord(held ?? "") };
    throw new Error(`not an answer of a lock: "${stdout.slice(0, 200)}"`);
  });

/** All holders, those whose time is over included. */
export const readLock = (folder: string): RemoteTask<readonly Holder[]> =>
  task(readScript, [folder], (stdout) =>
    stdout.split("\n").flatMap((line): Holder[] => {
      const record = parseRecord(line.slice(5));
      return record === undefined ? [] : [{ record, isLive: line.startsWith("live ") }];
    }),
  );

/** Writes a holder's record anew, with its end; does nothing where it no longer is there. */
export const rewriteLock = (folder: string, record: LockRecord, now: number): RemoteTask<boolean> =>
  task(rewriteScript, [folder, ...lease(record, now)], (stdout) => stdout.startsWith("rewritten"));

export const releaseLock = (folder: string, record: LockRecord): RemoteTask<void> =>
  task(releaseScript, [folder, tokenOf(record)], () => undefined);

function parseRecord(json: string): LockRecord | undefined {
  try {
    return LockRecord.parse(JSON.parse(json));
  } catch {
    return undefined; // not of our making; what it holds, it holds
  }
}
