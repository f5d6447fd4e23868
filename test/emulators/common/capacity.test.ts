import { Capacity } from "./capacity.ts";
import { TokenBucket } from "./token-bucket.ts";

describe("Capacity", () => {
  const large = { type: "large", zone: "a", spot: false };

  it("is endless where no rule speaks", () => {
    expect(new Capacity([{ type: "small", machines: 0 }]).left(large, [])).toBe(Number.POSITIVE_INFINITY);
  });

  it("lets the tightest rule decide, counting the machines in its scope only", () => {
    const capacity = new Capacity([
      { zone: "a", machines: 5 },
      { type: "large", machines: 3 },
    ]);
    const live = [large, { type: "large", zone: "b", spot: true }, { type: "small", zone: "a", spot: false }];
    expect(capacity.left(large, live)).toBe(1);
    capacity.set({ type: "large", machines: 9 });
    expect(capacity.left(large, live)).toBe(3);
    capacity.set({ spot: false, machines: 0 });
    expect(capacity.left(large, live)).toBe(0);
  });
});

describe("TokenBucket", () => {
  it("gives its burst, then what time brings, and says how long to wait", () => {
    const bucket = new TokenBucket({ burst: 2, perSec: 4 }, 0);
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 0.25]);
    expect(bucket.take(250)).toBe(0);
    expect(bucket.take(250)).toBe(0.25);
    expect(bucket.take(60_000, 2)).toBe(0); // never more than the burst
    expect(bucket.remaining).toBe(0);
  });
});
