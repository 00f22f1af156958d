import { describe, expect, it } from "vitest";
import { amount, lengthOf } from "./amount";

describe("amount", () => {
  it.each([
    ["0", "0"],
    ["256", "256"],
    ["1000000000", "1000000000"],
    ["18446744073709551616", "2^64"],
    ["18446744073709551611", "≈ 2^63"],
    ["340282366920938463463374607431768211455", "≈ 2^127"],
  ])("%s is %s", (size, text) => expect(amount(size, String)).toBe(text));

  it("takes the length of a prefix", () => {
    expect(lengthOf("2001:db8::/56")).toBe(56);
    expect(lengthOf("10.0.0.1")).toBe(0);
  });
});
