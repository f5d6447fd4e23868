import { readFileSync } from "node:fs";
import { awsPolicy } from "../../../providers/aws/permissions.ts";
import { azureRole } from "../../../providers/azure/permissions.ts";
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
    expect(block("azure")).toEqual(azureRole("SUBSCRIPTION"));
    expect(block("gcp")).toEqual(gcpRole());
  });

  it("names the images that every cloud has", () => {
    for (const name of neutralImageNames) {
      expect(page).toContain(`\`${name}\``);
      for (const cloud of ["aws", "azure", "gcp"] as const) expect(findImage(name, cloud, "arm64")).toBeDefined();
    }
  });
});
