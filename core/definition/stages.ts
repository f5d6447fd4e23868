/** What waits for what: names with their `after:`, in the definition's order. */
export interface Ordered {
  readonly name: string;
  readonly after: readonly string[];
}

/**
 * The stage of each item: 0 for those that wait for nothing, else one more than the latest it waits for.
 *
 * @returns the stages by name, or the names of a circle, each waiting for the next
 */
export function stagesOf(
  items: readonly Ordered[],
): { readonly kind: "stages"; readonly stages: ReadonlyMap<string, number> } | Circle {
  const byName = new Map(items.map((item) => [item.name, item]));
  const stages = new Map<string, number>();
  const visit = (item: Ordered, trail: readonly string[]): Circle | undefined => {
    if (stages.has(item.name)) return undefined;
    const seen = trail.indexOf(item.name);
    if (seen >= 0) return { kind: "circle", names: trail.slice(seen) };
    let stage = 0;
    for (const name of item.after) {
      const before = byName.get(name);
      if (before === undefined) continue; // an unknown name is told elsewhere
      const circle = visit(before, [...trail, item.name]);
      if (circle !== undefined) return circle;
      stage = Math.max(stage, (stages.get(name) ?? 0) + 1);
    }
    stages.set(item.name, stage);
    return undefined;
  };
  for (const item of items) {
    const circle = visit(item, []);
    if (circle !== undefined) return circle;
  }
  return { kind: "stages", stages };
}

export interface Circle {
  readonly kind: "circle";
  readonly names: readonly string[];
}

export const countStages = (stages: ReadonlyMap<string, number>): number =>
  stages.size === 0 ? 0 : Math.max(...stages.values()) + 1;
