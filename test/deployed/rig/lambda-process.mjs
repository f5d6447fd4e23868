// One Lambda instance: loads a bundle's handler once, then answers one event a line, as Node's runtime on Lambda does.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const answer = (message) => process.send(message);

const loaded = import(pathToFileURL(process.argv[2]).href).then(
  ({ handler }) => handler,
  (error) => {
    answer({ kind: "failed", error: shown(error) });
    process.exit(1);
  },
);
for await (const line of createInterface({ input: process.stdin })) {
  const { event, requestId } = JSON.parse(line);
  try {
    const result = await (await loaded)(event, { awsRequestId: requestId });
    answer({ kind: "succeeded", payload: JSON.stringify(result ?? null) });
  } catch (error) {
    answer({ kind: "failed", error: shown(error) });
  }
}

function shown(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}
