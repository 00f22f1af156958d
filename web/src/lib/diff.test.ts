import { describe, expect, it } from "vitest";
import { changes, conflicts, merge, same } from "./diff";

describe("same", () => {
  it.each([
    [null, "", true],
    [undefined, [], true],
    [{ id: 3, key: "a", title: "A" }, 3, true],
    [{ id: 3, key: "a" }, "4", false],
    [[{ id: 1 }, { id: 2 }], [1, 2], true],
    [1, "1", true],
    [false, null, false],
    [{ a: 1 }, { a: 1 }, true],
  ])("%j %j", (a, b, want) => expect(same(a, b)).toBe(want));
});

it("changes leave out what every write touches", () => {
  expect(changes({ rev: 1, name: "a", os: null }, { rev: 2, name: "b", os: "", serial: "x" })).toEqual([
    { field: "name", before: "a", after: "b" },
    { field: "serial", before: null, after: "x" },
  ]);
  expect(changes(null, { name: "a" })).toEqual([{ field: "name", before: null, after: "a" }]);
});

describe("a conflict", () => {
  const base = { name: "a", os: "x", serial: null, site: 1 };
  const theirs = { name: "b", os: "x", serial: "s", site: 2 };
  const mine = { name: "c", os: "y", serial: null, site: 2 };
  const rows = conflicts(base, theirs, mine);

  it("is where both hands wrote different things", () => {
    expect(rows.filter((r) => r.clash).map((r) => r.field)).toEqual(["name"]);
    expect(rows.map((r) => r.field)).toEqual(["name", "os", "serial", "site"]);
  });

  it("merges to what each hand alone changed, and the choice", () => {
    expect(merge(theirs, rows, { name: "mine" })).toEqual({ name: "c", os: "y", serial: "s", site: 2 });
    expect(merge(theirs, rows, { name: "theirs" })).toEqual({ name: "b", os: "y", serial: "s", site: 2 });
  });
});
