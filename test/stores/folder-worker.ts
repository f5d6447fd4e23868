import { FolderStore } from "../../stores/folder/folder-store.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { chunks, digestOf, patternBytes, text, utf8 } from "./store-contract.ts";

/**
 * One of several processes that work on one folder until they are killed or done; started by folder-processes.test.ts.
 *
 * Prints a line for each write that the store has acknowledged, before it begins the next. One that is to be killed goes
 * round again and again: whoever kills it may be late.
 */
const [root = "", name = "", rounds = "", isDoomed = ""] = process.argv.slice(2);
const store = new FolderStore({ root, clock: systemClock });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

for (let round = 0; round < Number(rounds) * (isDoomed === "" ? 1 : 1_000); round++) {
  const i = round % Number(rounds);
  const record = `records/${name}-${i}.json`;
  await store.putIfAbsent(record, text(JSON.stringify({ name, i })), name);
  say(`put ${record}`);

  const body = patternBytes(40_000, i + 1);
  const file = `files/${name}-${i}`;
  await store.putFile(file, chunks(body.subarray(0, 20_000), body.subarray(20_000)), digestOf(body));
  say(`put ${file}`);

  if ((await store.putIfAbsent(`shared/${i}`, text(name), name)) === "created") say(`won shared/${i} ${name}`);

  for (;;) {
    const current = await store.get("counter");
    if (current === undefined) throw new Error("the counter is gone");
    const { n } = JSON.parse(utf8(current.body) ?? "") as { n: number };
    const next = text(JSON.stringify({ n: n + 1, by: `${name}-${i}` }));
    if ((await store.replace("counter", next, current.etag)) !== "conflict") break;
  }
  say("counted");
}
say("done");
