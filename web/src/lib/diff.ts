// Differences of records for a person to read: between two revisions, and between three hands in a conflict.

export type Values = Record<string, unknown>;

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

const META = new Set(["id", "kind", "rev", "title", "created_at", "created_by", "changed_at", "changed_by", "row_hash"]);

function plain(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(plain);
  if (v && typeof v === "object" && "id" in v) return String((v as { id: unknown }).id);
  return v;
}

export function same(a: unknown, b: unknown): boolean {
  const empty = (v: unknown) => v === null || v === undefined || v === "" || (Array.isArray(v) && v.length === 0);
  if (empty(a) || empty(b)) return empty(a) && empty(b);
  const x = plain(a);
  const y = plain(b);
  if (typeof x === "object" || typeof y === "object") return JSON.stringify(x) === JSON.stringify(y);
  return String(x) === String(y);
}

export function changes(before: Values | null, after: Values | null): Change[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names]
    .filter((n) => !META.has(n) && !same(before?.[n], after?.[n]))
    .map((field) => ({ field, before: before?.[field] ?? null, after: after?.[field] ?? null }));
}

export interface Conflict {
  field: string;
  base: unknown;
  theirs: unknown;
  mine: unknown;
  /** Both hands changed it, and not to the same value. */
  clash: boolean;
}

export function conflicts(base: Values, theirs: Values, mine: Values): Conflict[] {
  return Object.keys({ ...theirs, ...mine })
    .filter((f) => !META.has(f))
    .map((field) => {
      const m = field in mine ? mine[field] : base[field];
      const theyChanged = !same(base[field], theirs[field]);
      const iChanged = !same(base[field], m);
      return { field, base: base[field], theirs: theirs[field], mine: m, clash: theyChanged && iChanged && !same(theirs[field], m), any: theyChanged || iChanged };
    })
    .filter((c) => c.any)
    .map(({ any: _any, ...c }) => c);
}
