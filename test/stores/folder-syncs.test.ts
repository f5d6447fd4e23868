import { setImmediate as turn } from "node:timers/promises";
import { FolderSyncs } from "../../stores/folder/folder-syncs.ts";

describe("FolderSyncs", () => {
  const begun: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const syncs = new FolderSyncs(
    (path) =>
      new Promise((resolve, reject) => {
        begun.push(path);
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
  );
  beforeEach(() => {
    begun.length = ends.length = 0;
  });

  it("lets those share a sync that asked before it began, and no others", async () => {
    const first = [syncs.sync("/a"), syncs.sync("/a"), syncs.sync("/b")];
    await turn();
    expect(begun).toEqual(["/a", "/b"]);
    let isDone = false;
    const later = [syncs.sync("/a"), syncs.sync("/a")];
    void Promise.all(later).then(() => (isDone = true));
    await turn();
    expect(begun).toEqual(["/a", "/b"]);
    for (const end of ends) end();
    await Promise.all(first);
    await turn();
    expect(begun).toEqual(["/a", "/b", "/a"]);
    expect(isDone).toBe(false);
    ends[2]?.();
    await Promise.all(later);
  });

  it("tells of a failure only those whose sync it was", async () => {
    const failed = syncs.sync("/a");
    await turn();
    const next = syncs.sync("/a");
    ends[0]?.(new Error("EIO"));
    await expect(failed).rejects.toThrow("EIO");
    await turn();
    ends[1]?.();
    await expect(next).resolves.toBeUndefined();
    expect(begun).toEqual(["/a", "/a"]);
  });
});
