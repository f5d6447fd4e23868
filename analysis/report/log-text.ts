/** What a page shows of a log: enough to see how it began and how it ended, whatever bytes are in it. */

export interface ShownLog {
  readonly text: string;
  /** Bytes between the beginning and the end that aren't shown. */
  readonly leftOutBytes: number;
}

export interface LogLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
}

/** Errors come first or last. */
export const defaultLogLimits: LogLimits = { headBytes: 32 * 1024, tailBytes: 192 * 1024 };

const newline = 10;

/**
 * Cuts a log in its middle, at line breaks where there are any near, and makes it text: bytes that aren't UTF-8 become
 * U+FFFD, colour codes go, other control characters are shown as pictures of themselves.
 */
export function showLog(bytes: Uint8Array, limits: LogLimits = defaultLogLimits): ShownLog {
  const { headBytes, tailBytes } = limits;
  if (bytes.length <= headBytes + tailBytes) return { text: toText(bytes), leftOutBytes: 0 };
  const headBreak = bytes.lastIndexOf(newline, headBytes - 1);
  const headEnd = headBreak < 0 ? headBytes : headBreak + 1;
  const tailFrom = bytes.length - tailBytes;
  const tailBreak = bytes.indexOf(newline, tailFrom);
  // A break far into the tail would cost most of it.
  const tailStart = tailBreak < 0 || tailBreak - tailFrom > tailBytes / 2 ? tailFrom : tailBreak + 1;
  const leftOutBytes = tailStart - headEnd;
  const notice = `… ${leftOutBytes.toLocaleString("en-US")} bytes left out here …`;
  return {
    text: `${toText(bytes.subarray(0, headEnd))}\n${notice}\n${toText(bytes.subarray(tailStart))}`,
    leftOutBytes,
  };
}

// ESC [ … letter, ESC ] … BEL or ESC \, and ESC with one character.
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// Overrides of the direction of writing could make a line read otherwise than it is.
// eslint-disable-next-line no-control-regex -- as above
const controls = /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

const toText = (bytes: Uint8Array): string =>
  new TextDecoder()
    .decode(bytes)
    .replaceAll("\r\n", "\n")
    .replace(escapes, "")
    .replace(controls, (character) => {
      const code = character.charCodeAt(0);
      return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\ufffd";
    });
