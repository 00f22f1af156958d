import { call, fetchText, get } from "./client";
import type { Label, Page, Ref } from "./types";

export interface EnumValue {
  value: string;
  label: Label;
}

export interface Field {
  name: string;
  type: string;
  label: Label;
  help?: Label | null;
  required?: boolean;
  unique?: boolean;
  personal?: boolean;
  ref?: string | null;
  values?: EnumValue[] | null;
  default?: unknown;
  min?: number | null;
  max?: number | null;
  clauses?: string[];
}

export interface Transition {
  name: string;
  from: string | string[];
  to: string;
  label: Label;
  roles?: string[];
}

export interface Kind {
  name: string;
  group: string;
  label: Label;
  help?: Label | null;
  key: string;
  title: string;
  columns: string[];
  unit: string | null;
  fields: Field[];
  states?: EnumValue[] | null;
  transitions?: Transition[] | null;
}

export interface Schema {
  kinds: Kind[];
  groups: { name: string; label: Label }[];
}

export interface Rec {
  id: string | number;
  kind: string;
  key: string;
  title: string;
  state?: string | null;
  rev: number;
  valid_from?: string | null;
  valid_to?: string | null;
  created_at?: string;
  created_by?: string;
  changed_at?: string;
  changed_by?: string;
  [field: string]: unknown;
}

export interface HistoryItem {
  seq: number;
  at: string;
  by: string;
  reason?: string | null;
  op: string;
  rev: number;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  hash: string;
}

export interface ImportResult {
  created: number;
  updated: number;
  unchanged: number;
  rows: number;
}

export type Counts = Record<string, { total: number; by_state: Record<string, number> }>;

export const getSchema = () => get<Schema>("/schema");
export const getCounts = () => get<Counts>("/registry/counts");
export const listRecords = (kind: string, query: URLSearchParams, signal?: AbortSignal) =>
  get<Page<Rec>>(`/${kind}`, query, signal);
export const getRecord = (kind: string, id: string | number) => get<Rec>(`/${kind}/${encodeURIComponent(id)}`);
export const getHistory = (kind: string, id: string | number) =>
  get<{ items: HistoryItem[] }>(`/${kind}/${encodeURIComponent(id)}/history`);
export const createRecord = (kind: string, body: Record<string, unknown>, reason?: string) =>
  call<Rec>("POST", `/${kind}`, { body, reason });
export const patchRecord = (kind: string, id: string | number, rev: number, body: Record<string, unknown>, reason?: string) =>
  call<Rec>("PATCH", `/${kind}/${encodeURIComponent(id)}`, { body, rev, reason });
export const endRecord = (kind: string, id: string | number, rev: number, reason?: string) =>
  call<Rec>("DELETE", `/${kind}/${encodeURIComponent(id)}`, { rev, reason });
export const importCsv = (kind: string, csv: string, dryRun: boolean, reason?: string) =>
  call<ImportResult>("POST", `/${kind}/import`, {
    query: dryRun ? { dry_run: 1 } : {},
    text: { body: csv, type: "text/csv; charset=utf-8" },
    reason,
  });
export const exportCsv = (kind: string, query: URLSearchParams) => fetchText(`/${kind}`, query, "text/csv");

export const isRef = (v: unknown): v is Ref =>
  typeof v === "object" && v !== null && "id" in v && "key" in v;
