import { describe, expect, it } from "vitest";
import type { Plan } from "../../api/changes";
import { bodyOf, formOf, offered } from "./steps";

const plan = (errors: number): Plan => ({
  hash: "abc",
  needs_approval: true,
  stale: 0,
  effects: [],
  errors: Array.from({ length: errors }, () => ({ detail: "x" })),
});

describe("steps of a change set", () => {
  it("are offered with the expected one last", () => {
    expect(offered(["edit", "submit", "withdraw"], plan(0))).toEqual(["withdraw", "submit"]);
    expect(offered(["approve", "reject"], plan(0))).toEqual(["reject", "approve"]);
  });

  it("go nowhere while the plan has mistakes, but back", () => {
    expect(offered(["edit", "submit", "apply", "break-glass", "withdraw"], plan(1))).toEqual(["withdraw"]);
  });

  it("leave out what the console does not know", () => {
    expect(offered(["edit", "explode"], undefined)).toEqual([]);
    expect(formOf("explode")).toBeUndefined();
  });

  it("approve the plan that was seen", () => {
    expect(bodyOf("approve", "đúng", plan(0), "")).toEqual({ hash: "abc", note: "đúng" });
  });

  it("send a reason or a deadline only where it belongs", () => {
    expect(bodyOf("reject", "thiếu", plan(0), "PT5M")).toEqual({ reason: "thiếu" });
    expect(bodyOf("apply", "", plan(0), "PT5M")).toEqual({ confirm_within: "PT5M" });
    expect(bodyOf("submit", "x", plan(0), "PT5M")).toEqual({});
  });

  it("ask for a reason where somebody is refused or a rule is passed over", () => {
    expect(["return", "reject", "break-glass", "review", "revert"].every((s) => formOf(s)?.reason)).toBe(true);
  });
});
