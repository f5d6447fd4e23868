import { CloudError } from "../common/cloud-error.ts";
import type { HttpResponse } from "../common/http.ts";
import type { Wire, WireObject } from "../common/wire.ts";
import { isWireObject } from "../common/wire.ts";

/** EC2's query form as a tree: `Filter.1.Value.2=x` becomes `{Filter: [{Value: [.., "x"]}]}`. Leaves are strings. */
export type FormTree = string | readonly FormTree[] | { readonly [key: string]: FormTree };

export interface Ec2Form {
  readonly action: string;
  readonly version: string;
  readonly parameters: { readonly [key: string]: FormTree };
}

/** @throws {CloudError} MissingAction, or InvalidQueryParameter when a name is both a leaf and a branch */
export function parseEc2Form(body: string): Ec2Form {
  const root: MutableTree = {};
  let action = "";
  let version = "";
  for (const [name, value] of new URLSearchParams(body)) {
    if (name === "Action") action = value;
    else if (name === "Version") version = value;
    else plant(root, name, value);
  }
  if (action === "") throw new CloudError(400, "MissingAction", "The request is missing an action");
  const parameters: Record<string, FormTree> = {};
  for (const [key, branch] of Object.entries(root)) parameters[key] = harvest(branch);
  return { action, version, parameters };
}

interface MutableTree {
  [key: string]: string | MutableTree;
}

function plant(root: MutableTree, name: string, value: string): void {
  const path = name.split(".");
  const leaf = path.pop() ?? name;
  let at = root;
  for (const key of path) {
    const next = (at[key] ??= {});
    if (typeof next === "string")
      throw new CloudError(400, "InvalidQueryParameter", `"${name}" is both a value and a structure`);
    at = next;
  }
  at[leaf] = value;
}

/** Structures whose keys are all numbers are lists, in the order of their numbers. */
function harvest(branch: string | MutableTree): FormTree {
  if (typeof branch === "string") return branch;
  const keys = Object.keys(branch);
  if (keys.length > 0 && keys.every((key) => /^\d+$/.test(key)))
    return keys.sort((a, b) => Number(a) - Number(b)).map((key) => harvest(branch[key]!)); // its own keys
  return Object.fromEntries(Object.entries(branch).map(([key, value]) => [key, harvest(value)]));
}

/** `<RunInstancesResponse xmlns=…>`; lists become `<item>` elements, as EC2 writes them. */
export function ec2Response(action: string, requestId: string, body: WireObject): HttpResponse {
  return {
    status: 200,
    headers: { "content-type": "text/xml;charset=UTF-8", "x-amzn-requestid": requestId },
    body:
      `<?xml version="1.0" encoding="UTF-8"?>\n` +
      `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
      `<requestId>${requestId}</requestId>${fields(body)}</${action}Response>`,
  };
}

export const ec2Error = (requestId: string, error: CloudError): HttpResponse => ({
  status: error.status,
  headers: { "content-type": "text/xml;charset=UTF-8", "x-amzn-requestid": requestId, ...error.headers },
  body:
    `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${escapeXml(error.code)}</Code>` +
    `<Message>${escapeXml(error.message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`,
});

const fields = (object: WireObject): string =>
  Object.entries(object)
    .map(([name, value]) => (value === undefined ? "" : `<${name}>${content(value)}</${name}>`))
    .join("");

function content(value: Wire): string {
  if (value === null) return "";
  if (typeof value === "string") return escapeXml(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (isWireObject(value)) return fields(value);
  return value.map((item) => `<item>${content(item)}</item>`).join("");
}

const escapeXml = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- the characters that XML 1.0 can't hold
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "").replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** AWS JSON 1.1: SSM and Service Quotas. */
export const awsJsonResponse = (requestId: string, body: WireObject): HttpResponse => ({
  status: 200,
  headers: { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": requestId },
  body: JSON.stringify(body),
});

export const awsJsonError = (requestId: string, error: CloudError): HttpResponse => ({
  status: error.status,
  headers: { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": requestId, ...error.headers },
  body: JSON.stringify({ __type: error.code, message: error.message }),
});
