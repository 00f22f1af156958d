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

/** What a search in clauses looks at: both languages, since a reader may remember either. */
export function clauseText(c: Clause): string {
  return [c.id, c.number, c.title.vi, c.title.en, c.text?.vi, c.text?.en].filter(Boolean).join(" ");
}

export function ids(list: Clause[]): string[] {
  return list.flatMap((c) => [c.id, ...ids(c.children ?? [])]);
}
