import { PutObjectCommand } from "@aws-sdk/client-s3";
import { hexToBase64, sha256Hex } from "../../../core/evidence/sha256.ts";
import { openSsmBucket, parseBucket } from "../../../transports/ssm/s3-bucket.ts";
import { FakeS3 } from "../../stores/fake-s3.ts";

describe("openSsmBucket", () => {
  it("reads what an agent has put there, nothing while it isn't, and no more than the host said", async () => {
    const client = new FakeS3().client();
    const { output } = openSsmBucket({ client, name: "lab", prefix: "ssm/", newId: () => "one" });
    expect(output).toMatchObject({ name: "lab", prefix: "ssm/output" });
    expect(await output.read("ssm/output/x", 10)).toBeUndefined();
    const Body = Buffer.from("0123456789");
    const ChecksumSHA256 = hexToBase64(sha256Hex(Body));
    await client.send(new PutObjectCommand({ Bucket: "lab", Key: "ssm/output/x", Body, ChecksumSHA256 }));
    expect(Buffer.from((await output.read("ssm/output/x", 10)) ?? [])).toEqual(Body);
    await expect(output.read("ssm/output/x", 9)).rejects.toMatchObject({ failure: { class: "integrity" } });
  });
});

describe("parseBucket", () => {
  it("takes a bucket, with a prefix or without", () => {
    expect(parseBucket("lab")).toEqual({ name: "lab", prefix: "reprise-ssm" });
    expect(parseBucket("lab/a/b")).toEqual({ name: "lab", prefix: "a/b" });
    expect(() => parseBucket("s3://lab")).toThrow(/not a bucket/);
  });
});
