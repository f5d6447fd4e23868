import type { MonitoringSpec } from "../definition/schema.ts";
import { landedArchive, landedNote, prometheusUnit } from "./names.ts";

/** A program that monitoring needs on hosts. */
export interface Program {
  /** What it is called below `$REPRISE_SHARED/monitoring`. */
  readonly name: string;
  /** What it is called in a release's archive and on the PATH; the distribution's package has the other name. */
  readonly command: string;
  readonly package: string;
  readonly from: MonitoringSpec["prometheus"];
}

/** Variables that `installScript` reads. */
export const installVariables = ({ name, command, package: packageName, from }: Program): Record<string, string> => ({
  NAME: name,
  COMMAND: command,
  PACKAGE: packageName,
  FROM_PATH: from?.path ?? "",
  FROM_URL: from?.url ?? "",
  SHA256: from?.sha256 ?? "",
});

/**
 * Sees to it that `$REPRISE_SHARED/monitoring/$NAME` is the program: one that stands there, a download, or the
 * distribution's package.
 *
 * The package's own service is masked before it is installed: it would run beside the system under test. Hosts that
 * share one machine install one after another.
 */
export const installScript = `give_up() { echo "monitoring: $*" >&2; exit 1; }
mkdir -p monitoring
install_package() {
  command -v apt-get >/dev/null 2>&1 ||
    give_up "$PACKAGE isn't there, nor apt-get: install it on this host, or name its path or a release's url"
  if [ "$(id -u)" = 0 ]; then as_root=
  elif sudo -n true 2>/dev/null; then as_root="sudo -n"
  else give_up "$PACKAGE isn't there, and $(id -un) isn't root and has no sudo without password: install it on this host"
  fi
  if [ -d /run/systemd/system ]; then $as_root systemctl mask "$PACKAGE.service" >&2; fi
  tries=0
  until $as_root apt-get -o DPkg::Lock::Timeout=300 update -qq >&2; do
    tries=$((tries + 1))
    [ "$tries" -lt 5 ] || give_up "apt-get update failed: see its messages above"
    sleep 5
  done
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \\
    "$PACKAGE" >&2 || give_up "apt-get couldn't install $PACKAGE: see its messages above"
}
if [ -n "$FROM_PATH" ]; then
  program=$FROM_PATH
elif [ -n "$FROM_URL" ]; then
  folder=monitoring/$NAME.release
  mkdir -p "$folder"
  if command -v curl >/dev/null 2>&1; then curl -fsSL --retry 3 -o "$folder.tar.gz" "$FROM_URL"
  else wget -q -O "$folder.tar.gz" "$FROM_URL"
  fi || give_up "$FROM_URL can't be downloaded"
  echo "$SHA256  $folder.tar.gz" | sha256sum -c - >&2 || give_up "$FROM_URL isn't the file with digest $SHA256"
  tar -xzf "$folder.tar.gz" -C "$folder"
  rm "$folder.tar.gz"
  program=$(find "$PWD/$folder" -type f -name "$COMMAND" | head -n 1)
  [ -n "$program" ] || give_up "$FROM_URL has no file $COMMAND in it"
else
  if ! command -v "$PACKAGE" >/dev/null 2>&1; then
    if command -v flock >/dev/null 2>&1; then
      (flock -w 900 9 && { command -v "$PACKAGE" >/dev/null 2>&1 || install_package; }) \\
        9>"\${TMPDIR:-/tmp}/reprise-install-monitoring.lock"
    else install_package
    fi
  fi
  program=$(command -v "$PACKAGE") || give_up "$PACKAGE was installed and isn't on the PATH"
fi
[ -x "$program" ] || give_up "no program stands at $program"
ln -sf "$program" "monitoring/$NAME"
"./monitoring/$NAME" --version 2>&1 | head -n 1
`;

/**
 * Whether Prometheus scrapes: its log has a first record. It is ready for requests 5 s sooner, but first then looks for
 * its targets, and what is measured would have begun without it. With no target at a point there is nothing to wait for.
 */
export const scrapingScript = "[ -s tsdb/wal/00000000 ] || ! grep -q 'targets:' prometheus.yml";

/**
 * Packs Prometheus' data after it has ended: its blocks, and the log from which it makes the newest samples again.
 *
 * @param maxBytes of the archive; a larger one is left out, and never fills the disk
 */
export const packScript = (maxBytes: number): string => `[ -d ${prometheusUnit} ] || exit 0
cd ${prometheusUnit}
[ -d tsdb/wal ] || { echo "Prometheus left no data"; exit 1; }
rm -f tsdb/lock tsdb/queries.active
tar -czf - tsdb | head -c ${maxBytes + 1} >${landedArchive}
if [ "$(wc -c <${landedArchive})" -gt ${maxBytes} ]; then
  rm ${landedArchive}
  echo "$(du -sk tsdb | cut -f 1) KiB of metrics are more than the ${maxBytes} bytes that are kept" >${landedNote}
  cat ${landedNote}
else
  gzip -t ${landedArchive}
fi
rm -rf tsdb
`;
