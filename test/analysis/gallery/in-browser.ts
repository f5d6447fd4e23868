/** A page in a real browser (`chromium` from Debian), without a network. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { hexToBase64, sha256Hex } from "../../../core/evidence/sha256.ts";

export interface BrowserOptions {
  /** Of Chromium. */
  readonly flags?: readonly string[];
  /** Beside the page, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export const darkScreen = "--blink-settings=preferredColorScheme=0";

/** Opens the page from a file, runs a script on it once its own has run, and gives back what that returned. */
export async function inBrowser(
  page: string,
  script: string,
  { flags = [], files = {} }: BrowserOptions = {},
): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "gallery-"));
  try {
    const probe = `document.body.dataset.result = JSON.stringify((() => { ${script} })());`;
    const digest = hexToBase64(sha256Hex(probe));
    // The page's policy lets nothing but its own script run; the probe is let in by its digest.
    const probed = page
      .replace("script-src 'sha256-", `script-src 'sha256-${digest}' 'sha256-`)
      .replace("</body>", () => `<script>${probe}</script></body>`);
    await writeFile(join(folder, "page.html"), probed);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const { stdout, stderr } = await dumpDom(`file://${folder}/page.html`, folder, flags);
    const result = /<body[^>]* data-result="([^"]*)"/.exec(stdout)?.[1];
    if (result === undefined) throw new Error(`the page's scripts gave nothing back: ${stderr.slice(0, 2_000)}`);
    return JSON.parse(
      result.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&"),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const mostStarts = 3;

/** On a machine that is short of everything, Chromium may lose the process that holds the page, and print an empty one. */
async function dumpDom(
  url: string,
  folder: string,
  flags: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  for (let start = 1; ; start++) {
    const dumped = await promisify(execFile)(
      "chromium",
      [
        ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder}/profile-${start}`],
        ...["--dump-dom", ...flags, url],
      ],
      { timeout: 300_000, maxBuffer: 64 << 20 },
    );
    if (dumped.stdout.includes("<script") || start === mostStarts) return dumped;
  }
}
