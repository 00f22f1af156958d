import { describe, expect, it } from "vitest";
import { fillBuckets, stepOf } from "./buckets";

describe("columns of a chart", () => {
  it.each([
    [3600, 60],
    [24 * 3600, 1800],
    [7 * 86400, 14400],
    [400 * 86400, 7 * 86400],
    [10, 1],
  ])("a span of %d s has steps of %d s", (span, step) => expect(stepOf(0, span * 1000, 60)).toBe(step));

  it("are all there, and hold what was found", () => {
    const from = Date.parse("2026-11-21T09:31:10Z");
    const rows = fillBuckets([["2026-11-21T09:35:00Z", 3], ["2026-11-21T09:35:00Z", 2]], from, from + 1200e3, 300);
    expect(rows.map((r) => r.at.slice(11, 16))).toEqual(["09:30", "09:35", "09:40", "09:45", "09:50"]);
    expect(rows.map((r) => r.count)).toEqual([0, 5, 0, 0, 0]);
  });

  it("of a day begin at local midnight", () => {
    const from = Date.parse("2026-11-21T09:31:10Z");
    expect(fillBuckets([], from, from + 1000, 86400)[0].at).toBe("2026-11-20T17:00:00.000Z");
  });
});
