import { describe, expect, it } from "vitest";
import { splitPipe, stripTimes, term, timesOf, withCountBy, withTerm, withTimes } from "./querytext";

describe("splitPipe", () => {
  it.each([
    ["a b | count by host", "a b", "count by host"],
    ['"a | b" c', '"a | b" c', ""],
    ['"a \\" | b" | count', '"a \\" | b"', "count"],
    ["", "", ""],
  ])("%s", (q, filter, pipe) => expect(splitPipe(q)).toEqual({ filter, pipe }));
});

describe("times", () => {
  it("are read and replaced, the rest stays", () => {
    expect(timesOf('sshd since:-2h until:"2026-01-01"')).toEqual({ since: "-2h", until: "2026-01-01" });
    expect(withTimes("sshd since:-2h | count by host", "-7d")).toBe("sshd since:-7d | count by host");
    expect(withTimes("sshd since:-2h until:12:00")).toBe("sshd");
    expect(stripTimes("a since:-1h b")).toBe("a b");
  });
  it("do not touch words that only look alike", () => expect(stripTimes("x-since:-1h")).toBe("x-since:-1h"));
});

describe("term", () => {
  it.each([
    ["host", "web-1", "host:web-1"],
    ["program", "máy chủ", 'program:"máy chủ"'],
    ["msg", 'a "b" \\c', 'msg:"a \\"b\\" \\\\c"'],
    ["host", "fe80::1", 'host:"fe80::1"'],
    ["program", "OR", 'program:"OR"'],
    ["program", "", 'program:""'],
  ])("%s %s", (field, value, want) => expect(term(field, value)).toBe(want));
});

describe("withTerm", () => {
  it.each([
    ["sshd since:-2h", "host", "a", false, "sshd host:a since:-2h"],
    ["a OR b", "host", "x", false, "(a OR b) host:x"],
    ["(a OR b)", "host", "x", true, "(a OR b) NOT host:x"],
    ["x | count by host", "host", "a", false, "x host:a"],
    ["", "host", "a", false, "host:a"],
    ["host:a", "host", "a", false, "host:a"],
  ])("%s + %s", (q, field, value, not, want) => expect(withTerm(q, field, value, not)).toBe(want));
});

it("withCountBy replaces the pipe", () => {
  expect(withCountBy("a | count", ["host", "program"])).toBe("a | count by host, program");
});
