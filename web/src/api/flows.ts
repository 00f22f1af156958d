// Questions about flows, over the one way to ask (GET /query).
import { get } from "./client";
import { queryRows, type Cell } from "./events";
import { makeQueue } from "../lib/queue";
import { splitPipe } from "../lib/querytext";

export type Measure = "bytes" | "packets" | "flows";
export const MEASURES: Measure[] = ["bytes", "packets", "flows"];

const queue = makeQueue(3);
/** The query as text: a filter of the page, and steps. */
export const flowQuery = (filter: string, steps: string) => `from:flows ${splitPipe(filter).filter} | ${steps}`;
export const topSteps = (fields: string[], measure: Measure, n: number) =>
  measure === "flows" ? `count by ${fields.join(", ")} | top ${n}` : `top ${n} ${fields.join(", ")} by ${measure}`;

const ask = (filter: string, steps: string, signal?: AbortSignal) => queue(() => queryRows(flowQuery(filter, steps), signal), signal);

export interface TopRow {
  keys: string[];
  n: number;
}
export interface Top {
  rows: TopRow[];
  sampled: boolean;
  short_by: number;
}
export async function topFlows(filter: string, fields: string[], measure: Measure, n: number, signal?: AbortSignal): Promise<Top> {
  const { rows, sampled, short_by } = await ask(filter, topSteps(fields, measure, n), signal);
  const top = rows.map((r) => ({ keys: r.slice(0, fields.length).map((v) => (v === null ? "" : String(v))), n: Number(r[fields.length]) }));
  return { rows: top, sampled, short_by: Number(short_by) };
}

export interface FlowTotals {
  flows: number;
  bytes: number;
  packets: number;
}
export async function flowTotals(filter: string, signal?: AbortSignal): Promise<FlowTotals> {
  const [flows, bytes, packets] = await Promise.all(["count", "sum bytes", "sum packets"].map(async (s) => Number((await ask(filter, s, signal)).rows[0]?.[0] ?? 0)));
  return { flows, bytes, packets };
}

export const timeSteps = (step: number, measure: Measure) => (measure === "flows" ? `histogram ${step}s` : `histogram ${step}s sum ${measure}`);
export const flowsOverTime = async (filter: string, step: number, measure: Measure, signal?: AbortSignal) =>
  (await ask(filter, timeSteps(step, measure), signal)).rows.map((r): [string, number] => [String(r[0]), Number(r[1])]);

export const newestFlows = async (filter: string, n: number, signal?: AbortSignal): Promise<Cell[][]> =>
  (await ask(filter, `fields at, src, src_port, dst, dst_port, proto, bytes, packets, exporter | limit ${n}`, signal)).rows;

/** When the first of them was; null: there is none. */
export async function firstFlow(filter: string, signal?: AbortSignal): Promise<string | null> {
  const first = (await ask(filter, "min at", signal)).rows[0]?.[0];
  return first ? String(first) : null;
}

/** How a query is understood; a mistake in it is told by its character. */
export const flowSpan = (filter: string, signal?: AbortSignal) =>
  get<{ since: string | null; until: string | null }>("/query", { query: splitPipe(filter).filter, from: "flows", explain: true }, signal);
