// What became of a count since the day before.

export interface Change {
  kind: "same" | "new" | "gone" | "up" | "down";
  by: number;
  /** Of what there was; null where a figure would say nothing (more than a thousandfold). */
  percent: number | null;
}

export function changeOf(count: number, before: number): Change {
  const by = Math.abs(count - before);
  const percent = before > 0 && by <= before * 1000 ? Math.round((100 * by) / before) : null;
  const kind = count === before ? "same" : before === 0 ? "new" : count === 0 ? "gone" : count > before ? "up" : "down";
  return { kind, by, percent };
}
