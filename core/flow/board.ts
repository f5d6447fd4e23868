import type { FailureClass } from "../errors/failure.ts";
import { FailureError } from "../errors/failure.ts";
import { runKeys } from "../names/keys.ts";
import type { Board } from "../records/schemas.ts";
import { boardSchema } from "../records/schemas.ts";
import type { FlowEffects } from "./effects.ts";
import { readRecord, toBytes } from "./effects.ts";

export interface BoardRef {
  readonly runId: string;
  readonly epoch: number;
  readonly deploymentId: string;
}

/** Compare-and-swap on the board meets at most one rival a lane; more rounds than this is a defect. */
const boardRounds = 200;

/** Reads, decides, and writes if nobody else did meanwhile. */
export async function updateBoard<A>(
  at: BoardRef,
  fx: Pick<FlowEffects, "store">,
  decide: (board: Board) => { readonly next?: Board; readonly answer: A },
): Promise<A> {
  const key = runKeys(at.runId).board(at.deploymentId, at.epoch);
  for (let round = 0; round < boardRounds; round++) {
    const board = await readRecord(fx.store, key, boardSchema);
    if (board === undefined) throw new FailureError({ class: "defect", message: `no board at ${key}` });
    const { next, answer } = decide(board.value);
    if (next === undefined) return answer;
    if ((await fx.store.replace(key, toBytes(next), board.etag)) !== "conflict") return answer;
  }
  throw new FailureError({ class: "throttled", message: `the board ${key} changed under ${boardRounds} tries` });
}

/** A board on which every block is to be claimed and every lane is free. */
export const freshBoard = (blocks: readonly number[], lanes: number, failures: Board["failures"] = {}): Board => ({
  blocks: toRanges(blocks),
  next: 0,
  lanes: Array.from({ length: lanes }, () => null),
  failures,
  unfinished: [],
});

export const failedTrials = (board: Board): number => Object.values(board.failures).reduce((sum, n) => sum + n, 0);

export const withFailure = (failures: Board["failures"], failureClass: FailureClass): Board["failures"] => ({
  ...failures,
  [failureClass]: (failures[failureClass] ?? 0) + 1,
});

/** The n-th block of the board's list, or undefined past its end. */
export function blockAt(board: Board, n: number): number | undefined {
  let left = n;
  for (const [first, last] of board.blocks) {
    const size = last - first + 1;
    if (left < size) return first + left;
    left -= size;
  }
  return undefined;
}

/** Blocks that nobody finished, in plan order: let go early, still held, or never claimed. */
export function remainingBlocks(board: Board): number[] {
  const remaining = new Set(board.unfinished);
  for (const holder of board.lanes) if (holder !== null) remaining.add(holder.block);
  for (let n = board.next; ; n++) {
    const block = blockAt(board, n);
    if (block === undefined) break;
    remaining.add(block);
  }
  return [...remaining].sort((a, b) => a - b);
}

/** Growing numbers as ranges, first and last. */
export function toRanges(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const open = ranges.at(-1);
    if (open?.[1] === n - 1) open[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}
