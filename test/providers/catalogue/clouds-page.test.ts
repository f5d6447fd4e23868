import { readFileSync } from "node:fs";
import { awsPolicy } from "../../../providers/aws/permissions.ts";
import { findImage, neutralImageNames } from "../../../providers/catalogue/index.ts";
import { gcpRole } from "../../../providers/gcp/permissions.ts";

const page = readFileSync(new URL("../../../docs/clouds.md", import.meta.url), "utf8");

const block = (cloud: string): unknown => {
  const text = new RegExp(`\`\`\`json ${cloud}\\n(.*?)\`\`\``, "s").exec(page)?.[1];
  if (text === undefined) throw new Error(`docs/clouds.md has no permissions of ${cloud}`);
  return JSON.parse(text) as unknown;
};

describe("docs/clouds.md", () => {
  it("has the permissions that the providers state, ready to paste", () => {
    expect(block("aws")).toEqual(awsPolicy());
    expect(block("gcp")).toEqual(gcpRole());
  });

  it("has an Azure role whose actions stand once and in order", () => {
    const { Actions } = block("azure") as { Actions: string[] }; // written by hand, in az's own shape
    expect(Actions).toEqual([...new Set(Actions)].sort());
    expect(
      Actions.every((action) => /^Microsoft\.[A-Za-z]+\/[A-Za-z/]+\/(read|write|delete|action)$/.test(action)),
    ).toBe(true);
  });

  it("names the images that every cloud has", () => {
    for (const name of neutralImageNames) {
      expect(page).toContain(`\`${name}\``);
      for (const cloud of ["aws", "azure", "gcp"] as const) expect(findImage(name, cloud, "arm64")).toBeDefined();
    }
  });
});
