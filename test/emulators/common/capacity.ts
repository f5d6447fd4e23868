/** How many machines of a kind a zone can hold; a missing field matches everything. */
export interface CapacityRule {
  readonly type?: string;
  readonly zone?: string;
  readonly spot?: boolean;
  readonly machines: number;
}
export interface MachineKind {
  readonly type: string;
  readonly zone: string;
  readonly spot: boolean;
}

/** Unlimited where no rule speaks; the tightest matching rule decides. */
export class Capacity {
  private rules: readonly CapacityRule[];

  constructor(rules: readonly CapacityRule[]) {
    this.rules = rules;
  }

  /** Sets, or replaces, the rule of exactly this scope. */
  set(rule: CapacityRule): void {
    const scope = scopeOf(rule);
    this.rules = [...this.rules.filter((r) => scopeOf(r) !== scope), rule];
  }

  /** How many more machines of this kind fit beside the `live` ones. */
  left(kind: MachineKind, live: Iterable<MachineKind>): number {
    const matching = this.rules.filter((rule) => matches(rule, kind));
    if (matching.length === 0) return Number.POSITIVE_INFINITY;
    const machines = [...live];
    return Math.max(
      0,
      Math.min(...matching.map((rule) => rule.machines - machines.filter((m) => matches(rule, m)).length)),
    );
  }
}

const scopeOf = (rule: CapacityRule): string => JSON.stringify([rule.type, rule.zone, rule.spot]);

const matches = (rule: CapacityRule, kind: MachineKind): boolean =>
  (rule.type === undefined || rule.type === kind.type) &&
  (rule.zone === undefined || rule.zone === kind.zone) &&
  (rule.spot === undefined || rule.spot === kind.spot);
