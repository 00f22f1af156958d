import { ApiError, apiUrl, call, get } from "./client";
import type { Label, Ref } from "./types";

export interface LogEvent {
  seq: number;
  received_at: string;
  event_at: string | null;
  /** By which relay it came; none for what this luyd received itself. */
  relay?: string;
  source: string;
  host: string | null;
  program: string | null;
  pid?: string | number | null;
  severity: string;
  facility: string;
  transport: string;
  format: string;
  flags?: string[];
  msg: string;
  raw: string;
  raw_base64?: string;
}

export interface SearchStats {
  hits?: number;
  scanned_events?: number;
  scanned_blocks?: number;
  skipped_blocks?: number;
  ms?: number;
  /** The search met its deadline; what stands here is not all. */
  timed_out?: boolean;
  /** Its owner ended it; what stands here is not all. */
  cancelled?: boolean;
  /** Archives that were made and are not in their place; their lines are missing here. */
  absent?: string[];
  /** Shards of the ClickHouse set that lacked lines when it was asked. */
  partial?: { shard: number; events: number; since: string | null; down: boolean }[];
}

export interface EventsAnswer {
  items: LogEvent[];
  next: number | null;
  stats: SearchStats;
}

export interface CountAnswer {
  rows: { keys: string[]; count: number }[];
  columns: string[];
  total: number;
  other?: number;
  stats: SearchStats;
}

export interface Histogram {
  from: string;
  to: string;
  step_s: number;
  rows: { at: string; count: number }[];
}

export interface QueryField {
  name: string;
  label: Label;
  values: string[] | null;
}

export interface Source {
  name: string;
  host: string | null;
  address: string | null;
  unit: Ref | null;
  last_seen_at: string | null;
  silent: boolean;
  expected_every: string | null;
  events_24h: number;
}

/** Rows of any source, or of steps. Numbers that a double cannot hold come as text. */
export type Cell = string | number | boolean | null;
export interface RowsAnswer {
  query: string;
  source: string;
  table: { name: string; type: string }[];
  rows: Cell[][];
  more: boolean;
  other: number;
  skipped: number;
  sampled: boolean;
  /** Above 0: too many groups to keep all, each may be so much more. */
  short_by: number;
  stats: SearchStats;
}

export interface Offer {
  text: string;
  kind: string;
}

export interface SavedSearch {
  id: number;
  name: string;
  query: string;
  shared: boolean;
  by: string;
  own: boolean;
}

export const isCount = (a: EventsAnswer | CountAnswer): a is CountAnswer => "rows" in a;

export const searchEvents = (query: string, limit: number, before?: number, signal?: AbortSignal, id?: string) =>
  get<EventsAnswer | CountAnswer>("/events", { query, limit, before, id }, signal);
interface RawRows {
  query: string;
  source: string;
  columns: { name: string; type: string }[];
  rows: Cell[][];
  stats: SearchStats & { more: boolean; other: number; skipped: number; sampled: boolean; short_by: number };
}
export async function queryRows(query: string, signal?: AbortSignal, id?: string): Promise<RowsAnswer> {
  const a = await get<RawRows>("/query", { query, limit: 1000, id }, signal);
  const { more, other, skipped, sampled, short_by } = a.stats;
  return { query: a.query, source: a.source, table: a.columns, rows: a.rows, more, other, skipped, sampled, short_by, stats: a.stats };
}
/** Ends a query that runs; one that ended by itself is no mistake. */
export const cancelQuery = (id: string) => call<void>("DELETE", `/query/${id}`).catch((e) => {
  if (!(e instanceof ApiError && e.status === 404)) throw e;
});
export const progressUrl = (id: string) => apiUrl(`/query/${id}/progress`, {});
export const completeQuery = (text: string, at: number, signal?: AbortSignal) =>
  get<{ from: number; to: number; items: Offer[] }>("/query/complete", { text, at }, signal);
export const getSearches = () => get<{ items: SavedSearch[] }>("/searches");
export const saveSearch = (body: Pick<SavedSearch, "name" | "query" | "shared">) => call<SavedSearch>("POST", "/searches", { body });
export const changeSearch = (id: number, body: Partial<Pick<SavedSearch, "name" | "query" | "shared">>) => call<SavedSearch>("PATCH", `/searches/${id}`, { body });
export const deleteSearch = (id: number) => call<void>("DELETE", `/searches/${id}`);
export const getHistogram = (query: string, buckets: number, signal?: AbortSignal) =>
  get<Histogram>("/events/histogram", { query, buckets }, signal);
export interface PatternRow {
  program: string | null;
  pattern: string;
  count: number;
  before: number;
  seq: number;
  example: string;
  query: string;
}
export interface PatternsAnswer {
  from: string;
  to: string;
  kinds: number;
  total: number;
  total_before: number;
  other: number;
  rows: PatternRow[];
  stats: SearchStats;
}
export const getPatterns = (query: string, order: "count" | "change", limit: number, id: string, signal?: AbortSignal) =>
  get<PatternsAnswer>("/events/patterns", { query, order, limit, id }, signal);
export const getQueryFields = () => get<{ fields: QueryField[]; sources: { name: string; fields: QueryField[] }[] }>("/query/fields");
export const getSources = () => get<{ items: Source[] }>("/sources");
export const exportUrl = (query: string, format: "text" | "json" | "csv") => apiUrl("/events/export", { query, format });
export const tailUrl = (query: string) => apiUrl("/events/tail", { query });
