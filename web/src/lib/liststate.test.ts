import { describe, expect, it } from "vitest";
import { addFilter, changeList, filterName, parseFilter, readList, toQuery, writeList } from "./liststate";

describe("list state", () => {
  it("is the address and back", () => {
    const text = "state=admitted&name__ic=m%C3%A1y&unit__under=UBT&q=web&order=-changed_at&ended=1&cols=code%2Cname&limit=100&cursor=abc&page=3";
    expect(writeList(readList(new URLSearchParams(text))).toString()).toBe(text);
  });

  it("knows operators from names with two underscores", () => {
    expect(parseFilter("name__ic", "x")).toEqual({ field: "name", op: "ic", value: "x" });
    expect(parseFilter("odd__name", "x")).toEqual({ field: "odd__name", op: "eq", value: "x" });
    expect(filterName({ field: "a", op: "eq", value: "" })).toBe("a");
  });

  it("takes nonsense for the defaults", () => {
    const s = readList(new URLSearchParams("limit=7&page=-2&cols=,,&name="));
    expect([s.limit, s.page, s.cols, s.filters]).toEqual([50, 1, [], []]);
  });

  it("asks the server without what is the console's own", () => {
    const q = toQuery(readList(new URLSearchParams("cols=a&page=2&cursor=c&q=x")));
    expect(q.toString()).toBe("q=x&limit=50&count=1&cursor=c");
  });

  it("goes back to the first page when what is shown changes", () => {
    const s = readList(new URLSearchParams("cursor=c&page=4"));
    expect([changeList(s, { q: "x" }).cursor, changeList(s, {}).page]).toEqual(["", 1]);
  });

  it("replaces a filter of the same field and operator", () => {
    let s = readList(new URLSearchParams("state=a"));
    s = addFilter(s, { field: "state", op: "eq", value: "b" });
    s = addFilter(s, { field: "state", op: "ne", value: "c" });
    expect(s.filters.map((f) => `${f.op}${f.value}`)).toEqual(["eqb", "nec"]);
  });
});
