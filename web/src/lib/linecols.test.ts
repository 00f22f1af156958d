import { describe, expect, it } from "vitest";
import { LINE_DEFAULT, readColumns, writeColumns } from "./linecols";

describe("columns of lines", () => {
  it("are the usual ones where the address says nothing", () => expect(readColumns(null)).toEqual(LINE_DEFAULT));
  it.each([
    ["host,severity", ["severity", "host"]],
    ["host,nonsense,__proto__", ["host"]],
    ["-", []],
  ])("%s", (text, want) => expect(readColumns(text)).toEqual(want));
  it("come back from the address as they went", () => {
    for (const cols of [[], ["host"], ["source", "pid"], [...LINE_DEFAULT, "event_at"]]) expect([...readColumns(writeColumns(cols))].sort()).toEqual([...cols].sort());
  });
  it("say nothing when they are the usual ones", () => expect(writeColumns(["program", "host", "severity"])).toBeNull());
});
