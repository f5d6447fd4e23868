/**
 * Role sessions as functions get them: a URL dies with the session that signed it, whatever expiry was asked for. No
 * emulator knows sessions, so the gateway asks here.
 */
export class Sessions {
  /** So many signed uploads find that their session has ended since: each ends the one it was signed with. */
  endBeforeUse = 0;
  /** Uploads that were refused for it. */
  refused = 0;
  private newest = 1;

  /** The access key that a function starting now gets. */
  current(): string {
    return sessionKey(this.newest);
  }

  isEnded(accessKeyId: string): boolean {
    const n = sessionNumber(accessKeyId);
    return n !== undefined && n < this.newest;
  }

  /** Whether S3 takes a request that was signed with this key some time ago. */
  admits(accessKeyId: string): boolean {
    if (this.endBeforeUse > 0 && accessKeyId === this.current()) {
      this.endBeforeUse--;
      this.newest++;
    }
    if (!this.isEnded(accessKeyId)) return true;
    this.refused++;
    return false;
  }
}

const sessionKey = (n: number): string => `session${n}`;
const sessionNumber = (key: string): number | undefined => {
  const digits = /^session(\d+)$/.exec(key)?.[1];
  return digits === undefined ? undefined : Number(digits);
};
