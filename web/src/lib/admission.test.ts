import { describe, expect, it } from "vitest";
import type { Schema } from "../api/registry";
import { answerOf, asked, deskOf, lapsed, wayTo } from "./admission";

const label = { vi: "x", en: "x" };
const state = (value: string) => ({ value, label });
const attach = [{ label, clauses: [], kind: "check", by: "thing", count: 1, in_date: ["until"] }];
const step = (from: string, to: string, more = {}) => ({ name: `${from}-${to}`, from, to, label, ...more });
const base = { group: "g", label, key: "code", title: "code", columns: [], unit: null };
const schema: Schema = {
  groups: [],
  checklists: [{ name: "list", label, questions: [{ name: "b", label, clauses: [] }, { name: "a", label, clauses: [] }], asked: { pc: ["a"], "*": ["a", "b"] } }],
  kinds: [
    { ...base, name: "other", fields: [], states: [state("one")], transitions: [step("one", "two")] },
    {
      ...base,
      name: "thing",
      fields: [],
      states: ["new", "asked", "seen", "in", "out"].map(state),
      transitions: [step("in", "out"), step("new", "asked"), step("asked", "new"), step("asked", "seen"), step("seen", "good", { attach }), step("good", "in", { attach }), step("out", "in", { attach })],
    },
    { ...base, name: "check", fields: [{ name: "answers", type: "json", label, checklist: "list", checklist_use: { by: "thing", of: "sort", verdict: "verdict", pass: "pass" } }] },
  ],
};

describe("the desk", () => {
  it("is read from the life cycle", () => {
    const desk = deskOf(schema);
    expect(desk?.kind.name).toBe("thing");
    expect(desk?.goal).toBe("in");
    expect(desk?.waiting).toEqual(["new", "asked", "seen", "good"]);
    expect(desk?.proof.name).toBe("check");
    expect(desk?.inDate).toEqual(["until"]);
  });

  it("goes the shortest way, and there is none where no step asks for a checklist", () => {
    expect(wayTo(schema.kinds[1], "good")).toEqual(["new", "asked", "seen", "good"]);
    expect(wayTo(schema.kinds[1], "nowhere")).toEqual([]);
    expect(deskOf({ ...schema, kinds: schema.kinds.slice(0, 1) })).toBeNull();
  });

  it("asks what belongs to the value, and reads both forms of an answer", () => {
    const list = schema.checklists![0];
    expect(asked(list, "pc").map((q) => q.name)).toEqual(["a"]);
    expect(asked(list, "?").map((q) => q.name)).toEqual(["b", "a"]);
    expect(answerOf({ a: "yes" }, "a")).toEqual({ answer: "yes", note: "" });
    expect(answerOf({ a: { answer: "na", note: "n" } }, "a")).toEqual({ answer: "na", note: "n" });
    expect(answerOf(null, "a")).toEqual({ answer: "", note: "" });
  });

  it("sees a date that has passed, not that of today", () => {
    const proof = { id: 1, kind: "check", key: "k", title: "k", rev: 1, until: "2026-11-20" };
    expect(lapsed(deskOf(schema)!, proof, "2026-11-20")).toBeNull();
    expect(lapsed(deskOf(schema)!, proof, "2026-11-21")).toBe("2026-11-20");
  });
});
