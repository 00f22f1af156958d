// The way of a record from its first state to where it is let in, read from the life cycle: the steps
// that ask for a record with an answered checklist say which kind that is and where the way ends.
import type { Checklist, ChecklistUse, Field, Kind, Rec, Schema, Transition } from "../api/registry";

export interface Desk {
  kind: Kind;
  /** States in which a record waits, in order; the next one is where it is let in. */
  waiting: string[];
  goal: string;
  /** The kind whose records hold the answers, and the fields that the desk shows of it. */
  proof: Kind;
  use: ChecklistUse;
  answers: Field;
  list: Checklist;
  /** Dates of the proof that must not have passed. */
  inDate: string[];
}

const startsIn = (x: Transition, state: string) => (Array.isArray(x.from) ? x.from.includes(state) : x.from === state);

/** The shortest way, both ends included; empty when there is none. */
export function wayTo(kind: Kind, goal: string): string[] {
  const first = kind.states?.[0]?.value;
  if (!first) return [];
  const ways: string[][] = [[first]];
  const seen = new Set([first]);
  for (let way = ways.shift(); way; way = ways.shift()) {
    const at = way[way.length - 1];
    if (at === goal) return way;
    for (const x of kind.transitions ?? []) {
      if (!startsIn(x, at) || seen.has(x.to)) continue;
      seen.add(x.to);
      ways.push([...way, x.to]);
    }
  }
  return [];
}

function proofOf(schema: Schema, steps: Transition[]): Pick<Desk, "proof" | "use" | "answers" | "list"> | null {
  for (const a of steps.flatMap((x) => x.attach ?? [])) {
    const proof = schema.kinds.find((k) => k.name === a.kind);
    const answers = proof?.fields.find((f) => f.checklist && f.checklist_use?.by === a.by);
    const list = schema.checklists?.find((c) => c.name === answers?.checklist);
    if (proof && answers?.checklist_use && list) return { proof, answers, use: answers.checklist_use, list };
  }
  return null;
}

export function deskOf(schema: Schema): Desk | null {
  for (const kind of schema.kinds) {
    const steps = kind.transitions ?? [];
    const found = proofOf(schema, steps);
    if (!found) continue;
    const asking = steps.filter((x) => x.attach?.some((a) => a.kind === found.proof.name));
    const goal = asking.find((x) => !asking.some((y) => startsIn(y, x.to)))?.to;
    const way = goal ? wayTo(kind, goal) : [];
    if (!goal || way.length < 2) continue;
    const inDate = [...new Set(asking.flatMap((x) => x.attach ?? []).flatMap((a) => a.in_date))];
    return { ...found, kind, waiting: way.slice(0, -1), goal, inDate };
  }
  return null;
}

/** Questions in the order of the list, for the value that chooses them. */
export function asked(list: Checklist, value: unknown): Checklist["questions"] {
  const names = list.asked[String(value)] ?? list.asked["*"] ?? [];
  return list.questions.filter((q) => names.includes(q.name));
}

/** An answer stands alone or as {"answer", "note"}. */
export function answerOf(answers: unknown, name: string): { answer: string; note: string } {
  const one = typeof answers === "object" && answers !== null ? (answers as Record<string, unknown>)[name] : undefined;
  if (typeof one === "string") return { answer: one, note: "" };
  if (typeof one !== "object" || one === null) return { answer: "", note: "" };
  const { answer = "", note = "" } = one as { answer?: string; note?: string };
  return { answer, note };
}

/** The first date of the proof that has passed, or null. Dates are YYYY-MM-DD. */
export function lapsed(desk: Desk, proof: Rec, today: string): string | null {
  return desk.inDate.map((name) => proof[name]).find((d): d is string => typeof d === "string" && d < today) ?? null;
}
