/**
 * What a host shows when it reports: a signed statement of what it may speak for, and nothing else.
 *
 * A capability names one scope (an attempt, or a deployment's set-up), one host and an end. Hosts never hold a task
 * token, so the worst that a leaked capability can do is to report for that host in that attempt.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { PhaseRef } from "../names/keys.ts";
import { deriveBytes } from "./keys.ts";

export interface Capability {
  readonly scope: PhaseRef["scope"];
  readonly host: string;
  /** Refused from this instant on, ms since the epoch. */
  readonly expiresAt: number;
}

export type CapabilityVerdict =
  | { readonly kind: "valid"; readonly capability: Capability }
  /** Genuine but over; what it said is told for the log. */
  | { readonly kind: "expired"; readonly capability: Capability }
  /** Ours in form, not by signature: another installation's, or altered. */
  | { readonly kind: "forged" }
  | { readonly kind: "malformed" };

const Payload = z.strictObject({
  scope: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("attempt"),
      attempt: z.strictObject({
        runId: z.string(),
        pointKey: z.string(),
        trialIndex: z.int().min(0),
        attempt: z.int().min(1),
      }),
    }),
    z.strictObject({
      kind: z.literal("deployment"),
      runId: z.string(),
      deployment: z.string(),
      attempt: z.int().min(0),
    }),
  ]),
  host: z.string(),
  expiresAt: z.int(),
});

const version = "c1";

/** `c1.{payload}.{mac}`, base64url: safe in a header, a URL and a shell. Same capability, same token. */
export function buildCapability(masterSecret: Uint8Array, capability: Capability): string {
  // The schema's key order, whatever the caller's: the text is what is signed.
  const payload = Buffer.from(JSON.stringify(Payload.parse(capability))).toString("base64url");
  return `${version}.${payload}.${sign(masterSecret, payload).toString("base64url")}`;
}

/** Says whether a token is ours and still good; compares in constant time and reads nothing unsigned. */
export function verifyCapability(masterSecret: Uint8Array, token: string, now: number): CapabilityVerdict {
  const match = /^c1\.([A-Za-z0-9_-]{1,4096})\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (!match?.[1] || !match[2]) return { kind: "malformed" };
  const [, payload, mac] = match;
  const given = Buffer.from(mac, "base64url");
  const expected = sign(masterSecret, payload);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { kind: "forged" };
  // Base64 has several spellings of the same bytes; only ours counts, so that a token is one string.
  if (given.toString("base64url") !== mac) return { kind: "forged" };
  const parsed = Payload.safeParse(readJson(Buffer.from(payload, "base64url").toString("utf8")));
  if (!parsed.success) return { kind: "malformed" };
  return { kind: now < parsed.data.expiresAt ? "valid" : "expired", capability: parsed.data };
}

const sign = (masterSecret: Uint8Array, payload: string): Buffer =>
  createHmac("sha256", deriveBytes(masterSecret, ["capability", version], 32))
    .update(payload)
    .digest();

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
