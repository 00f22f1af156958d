// Differences of records for a person to read: between two revisions, and between three hands in a conflict.

export type Values = Record<string, unknown>;

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

const META = new Set(["id", "rev", "created_at", "created_by", "changed_at", "changed_by", "row_hash"]);

/** A reference counts as its id, numbers as their text: forms hold either. */
function plain(v: unknown): unknown {
  if (v === null || v === undefined || v === "" || (Array.isArray(v) && v.length === 0)) return null;
  if (Array.isArray(v)) return v.map(plain);
  if (typeof v === "object") return "id" in v ? String((v as { id: unknown }).id) : v;
  return String(v);
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
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
  /** Only the reader changed it. */
  own: boolean;
  /** Both hands changed it, and not to the same value. */
  clash: boolean;
}

export function conflicts(base: Values, theirs: Values, mine: Values): Conflict[] {
  const out: Conflict[] = [];
  for (const field of Object.keys({ ...theirs, ...mine })) {
    if (META.has(field)) continue;
    const m = field in mine ? mine[field] : base[field];
    const theyChanged = !same(base[field], theirs[field]);
    const iChanged = !same(base[field], m);
    if (!theyChanged && !iChanged) continue;
    const clash = theyChanged && iChanged && !same(theirs[field], m);
    out.push({ field, base: base[field], theirs: theirs[field], mine: m, own: iChanged && !theyChanged, clash });
  }
  return out;
}

/** Theirs, with what only the reader changed and what the reader chose. */
export function merge(theirs: Values, rows: Conflict[], choice: Record<string, "mine" | "theirs">): Values {
  const out: Values = { ...theirs };
  for (const r of rows) {
    if (r.own || (r.clash && choice[r.field] === "mine")) out[r.field] = r.mine;
  }
  return out;
}
