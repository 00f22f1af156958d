// From the form to the API: what a new record says, what a change changes.
import type { Field, Kind, ProblemFields, Rec } from "./formtypes";
import { same, type Values } from "../../lib/diff";

function isRef(v: unknown): v is { id: string | number } {
  return typeof v === "object" && v !== null && "id" in v;
}

export function toApi(field: Field, value: unknown): unknown {
  if (value === undefined || value === "") return null;
  if (Array.isArray(value)) return value.map((v) => (isRef(v) ? v.id : v));
  if (isRef(value)) return value.id;
  if (field.type === "json" && typeof value === "string") {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }
  return value;
}

export function startValues(kind: Kind): Values {
  const out: Values = {};
  for (const f of kind.fields) {
    const d = f.default;
    // A default with {holes} is filled in by the server.
    if (d === null || d === undefined || (typeof d === "string" && d.includes("{"))) continue;
    if (f.type === "bool") out[f.name] = d === true || d === "true" || d === 1;
    else if (f.type === "int" || f.type === "decimal") out[f.name] = Number(d);
    else out[f.name] = d;
  }
  return out;
}

export function fieldValues(kind: Kind, rec: Rec): Values {
  return Object.fromEntries(kind.fields.map((f) => [f.name, rec[f.name] ?? null]));
}

export function createBody(kind: Kind, values: Values): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const f of kind.fields) {
    const v = toApi(f, values[f.name]);
    if (v !== null && !(Array.isArray(v) && v.length === 0)) out[f.name] = v;
  }
  return out;
}

export function changeBody(kind: Kind, base: Values, values: Values): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const f of kind.fields) {
    if (!same(base[f.name], values[f.name])) out[f.name] = toApi(f, values[f.name]);
  }
  return out;
}

/** A field that has to be filled in by a person: required, and without a default that the server fills. */
export function missing(kind: Kind, values: Values): string[] {
  return kind.fields
    .filter((f) => f.required && (f.default === null || f.default === undefined))
    .filter((f) => values[f.name] === null || values[f.name] === undefined || values[f.name] === "")
    .map((f) => f.name);
}

/** Sorts a problem's errors to the fields they point at; what points nowhere stands above the form. */
export function errorsByField(kind: Kind, errors: { pointer?: string; column?: string | number; detail: string }[]): ProblemFields {
  const out: ProblemFields = { fields: {}, rest: [] };
  for (const e of errors) {
    const name = (e.pointer ?? "").split("/").filter(Boolean).pop() ?? String(e.column ?? "");
    if (kind.fields.some((f) => f.name === name)) out.fields[name] = [...(out.fields[name] ?? []), e.detail];
    else out.rest.push(e.detail);
  }
  return out;
}
