import { readFileSync } from "node:fs";
import { awsPolicy } from "../../../providers/aws/permissions.ts";
import { azureRole, azureSelfDeletionRole } from "../../../providers/azure/permissions.ts";
import { cloudsWith, findImage, neutralImageNames } from "../../../providers/catalogue/index.ts";
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
    expect(block("azure-hosts")).toEqual(azureSelfDeletionRole("SUBSCRIPTION"));
  });

  it("names the images that every cloud has", () => {
    for (const name of neutralImageNames) {
      expect(page).toContain(`\`${name}\``);
      expect(cloudsWith(name).length).toBeGreaterThan(1);
      for (const cloud of cloudsWith(name)) expect(findImage(name, cloud, "arm64")).toBeDefined();
    }
  });
});
