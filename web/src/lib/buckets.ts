// Columns of a chart over time: the server gives those that hold something, a reader wants them all.

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
// Whole days begin at midnight of the place that the language counts in, UTC+7.
const ZONE_MS = 7 * 3600 * 1000;

/** Seconds of a column, so that about so many fill the span; a step that people read. */
export function stepOf(fromMs: number, toMs: number, columns: number): number {
  const span = (toMs - fromMs) / 1000;
  return STEPS.find((s) => span <= s * columns) ?? (Math.floor(span / columns / 86400) + 1) * 86400;
}

export function fillBuckets(found: [at: string, count: number][], fromMs: number, toMs: number, step: number): { at: string; count: number }[] {
  const ms = step * 1000;
  const counts = new Map<number, number>();
  for (const [at, n] of found) counts.set(Date.parse(at), (counts.get(Date.parse(at)) ?? 0) + n);
  const out: { at: string; count: number }[] = [];
  for (let at = Math.floor((fromMs + ZONE_MS) / ms) * ms - ZONE_MS; at < toMs; at += ms) out.push({ at: new Date(at).toISOString(), count: counts.get(at) ?? 0 });
  return out;
}
