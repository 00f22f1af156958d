import { describe, expect, it } from "vitest";
import type { Field, Kind } from "../../api/registry";
import { changeBody, createBody, errorsByField, missing, startValues, toApi } from "./formvalues";

const label = { vi: "x", en: "x" };
const field = (name: string, type: string, more: Partial<Field> = {}): Field => ({ name, type, label, ...more });
const kind: Kind = {
  name: "device",
  group: "things",
  label,
  key: "code",
  title: "name",
  columns: ["code"],
  unit: "unit",
  fields: [
    field("code", "text", { required: true, default: "KT-{n}" }),
    field("name", "text", { required: true }),
    field("unit", "ref", { ref: "unit" }),
    field("links", "refs", { ref: "link" }),
    field("gateway", "bool", { required: true, default: "false" }),
    field("port", "int", { default: "22" }),
    field("extra", "json"),
  ],
};

it("starts with the defaults that a person may change, typed", () => {
  expect(startValues(kind)).toEqual({ gateway: false, port: 22 });
});

it("sends references by id and parses JSON", () => {
  expect(toApi(kind.fields[2], { id: 7, key: "a", title: "A" })).toBe(7);
  expect(toApi(kind.fields[3], [{ id: 7 }, { id: 8 }])).toEqual([7, 8]);
  expect(toApi(kind.fields[6], '{"a":1}')).toEqual({ a: 1 });
  expect(toApi(kind.fields[6], "{broken")).toBe("{broken");
  expect(toApi(kind.fields[1], "")).toBe(null);
});

describe("bodies", () => {
  const values = { name: "A", unit: { id: 7, key: "u", title: "U" }, links: [], gateway: false, port: null };
  it("of a new record leave out what is empty", () => expect(createBody(kind, values)).toEqual({ name: "A", unit: 7, gateway: false }));
  it("of a change hold what changed, null clears", () => {
    expect(changeBody(kind, { ...values, port: 22 }, { ...values, name: "B" })).toEqual({ name: "B", port: null });
  });
});

it("names what is missing, but not what the server fills in", () => expect(missing(kind, { name: "" })).toEqual(["name"]));

it("sorts errors to their fields", () => {
  const sorted = errorsByField(kind, [
    { pointer: "/name", detail: "a" },
    { column: "unit", detail: "b" },
    { pointer: "/nothing", detail: "c" },
    { detail: "d" },
  ]);
  expect(sorted).toEqual({ fields: { name: ["a"], unit: ["b"] }, rest: ["c", "d"] });
});
