import { describe, expect, it } from "vitest";
import { fill, wordFor } from "./translate";

describe("fill", () => {
  it.each([
    ["vi", "{n} dòng", { n: 1234567 }, "1.234.567 dòng"],
    ["en", "{n} {n|line|lines}", { n: 1 }, "1 line"],
    ["en", "{n} {n|line|lines}", { n: 2 }, "2 lines"],
    ["en", "{a} of {b}", { a: "x" }, "x of {b}"],
  ] as const)("%s %s", (lang, text, args, want) => {
    expect(fill(lang, text, args)).toBe(want);
  });

  it("gives the value itself where there is no word", () => {
    expect(wordFor("vi", "severity", "high")).toBe("Cao");
    expect(wordFor("vi", "severity", "new-one")).toBe("new-one");
  });
});
