import type { Clause } from "../../api/judged";

/** How many operative clauses stand in each state. */
export function tally(list: Clause[]): Record<string, number> {
  const out: Record<string, number> = {};
  const walk = (cs: Clause[]) => {
    for (const c of cs) {
      if (c.operative) out[c.state] = (out[c.state] ?? 0) + 1;
      walk(c.children ?? []);
    }
  };
  walk(list);
  return out;
}

/** The branches that hold a clause that fits; what fits keeps its own children. */
export function prune(list: Clause[], fits: (c: Clause) => boolean): Clause[] {
  const out: Clause[] = [];
  for (const c of list) {
    const children = prune(c.children ?? [], fits);
    if (fits(c) || children.length) out.push({ ...c, children });
  }
  return out;
}

export function ids(list: Clause[]): string[] {
  return list.flatMap((c) => [c.id, ...ids(c.children ?? [])]);
}

export function findPath(list: Clause[], id: string): Clause[] | null {
  for (const c of list) {
    if (c.id === id) return [c];
    const rest = findPath(c.children ?? [], id);
    if (rest) return [c, ...rest];
  }
  return null;
}
