import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { FailureError } from "../../core/errors/failure.ts";
import { hexToBase64, sha256Hex } from "../../core/evidence/sha256.ts";
import type { OutputBucket } from "./fetch-output.ts";
import type { OneTimeUrl } from "./stdin-carrier.ts";

/** What a bucket does for Systems Manager: output on its way here, and stdin on its way to a host. */
export interface SsmBucket {
  readonly output: OutputBucket;
  readonly offer: (body: Uint8Array) => Promise<OneTimeUrl>;
}

export interface SsmBucketOptions {
  readonly client: S3Client;
  readonly name: string;
  /** Everything below it may be deleted after a day: a lifecycle rule catches what a crash left. */
  readonly prefix: string;
  readonly newId: () => string;
}

/** A host begins within a minute, and fetches first of all. */
const offerSec = 300;

/**
 * A bucket between us and hosts: agents put large output there with their instance's profile, and hosts take stdin from
 * URLs which die with the object behind them as soon as the command has ended.
 */
export function openSsmBucket({ client, name, prefix, newId }: SsmBucketOptions): SsmBucket {
  const folder = prefix.replace(/\/+$/, "");
  return {
    output: { name, prefix: `${folder}/output`, read: (key, limitBytes) => readObject(client, name, key, limitBytes) },
    offer: async (body) => {
      const at = { Bucket: name, Key: `${folder}/stdin/${newId()}` };
      const ChecksumSHA256 = hexToBase64(sha256Hex(body));
      const { VersionId } = await client.send(new PutObjectCommand({ ...at, Body: body, ChecksumSHA256 }));
      const url = await getSignedUrl(client, new GetObjectCommand(at), { expiresIn: offerSec });
      const remove = (which: { VersionId?: string }): Promise<void> =>
        client.send(new DeleteObjectCommand({ ...at, ...which })).then(nothing);
      const revoke = async (): Promise<void> => {
        // Where a bucket keeps versions, a plain delete hides the secret and keeps it; who may not delete versions hides it.
        const gone = VersionId === undefined ? remove({}) : remove({ VersionId }).catch(() => remove({}));
        // A delete that fails leaves an object to the lifecycle rule, and a URL that is over in minutes.
        await gone.catch(nothing);
      };
      return { url, revoke };
    },
  };
}

/** `{bucket}` or `{bucket}/{prefix}`. */
export function parseBucket(text: string): { readonly name: string; readonly prefix: string } {
  const [, name, prefix = "reprise-ssm"] = /^([a-z0-9][a-z0-9.-]{2,62})(?:\/([A-Za-z0-9._/-]+))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, prefix };
  throw new FailureError({
    class: "invalid",
    message: `not a bucket: "${text}"`,
    hint: "`name` or `name/prefix`",
  });
}

async function readObject(
  client: S3Client,
  Bucket: string,
  Key: string,
  limitBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket, Key }));
    if (ContentLength > limitBytes)
      throw new FailureError({
        class: "integrity",
        message: `${Key} has ${ContentLength} bytes, and ${limitBytes} are the most that the host can have put there`,
      });
    return await Body?.transformToByteArray();
  } catch (error) {
    if (error instanceof Error && /^(NoSuchKey|NotFound)$/.test(error.name)) return undefined;
    throw error;
  }
}

const nothing = (): void => undefined;
