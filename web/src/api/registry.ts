import { apiUrl, call, fetchFile, get } from "./client";
import type { CheckEffect, Plan } from "./changes";
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
  /** Who may see and write it; absent: everybody who sees the record. */
  read?: string[];
  ref?: string | null;
  values?: EnumValue[] | null;
  default?: unknown;
  min?: number | null;
  max?: number | null;
  clauses?: string[];
  /** The list of questions that a json field answers. */
  checklist?: string | null;
  checklist_use?: ChecklistUse;
}

/** Which questions are asked follows from the field `of` of the record that the own field `by` names. */
export interface ChecklistUse {
  by: string;
  of: string;
  verdict: string;
  pass: string;
}

export interface Rule {
  label: Label;
  clauses: string[];
}

export interface Checklist {
  name: string;
  label: Label;
  questions: (Rule & { name: string })[];
  asked: Record<string, string[]>;
}

export interface Transition {
  name: string;
  from: string | string[];
  to: string;
  label: Label;
  roles?: string[];
  clauses?: string[];
  needs?: string[];
  holds?: Rule[];
  attach?: (Rule & { kind: string; by: string; count: number; in_date: string[] })[];
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
  checklists?: Checklist[];
  /** Bytes of one document at most. */
  file_max?: number;
}

/** What a document is that a field names; its bytes are asked for apart. */
export interface FileValue {
  name: string;
  sha256: string;
  size: number;
  type: string;
}

export function isFile(v: unknown): v is FileValue {
  return typeof v === "object" && v !== null && "sha256" in v && "name" in v;
}

/** Brings a document; what comes back is the value of a field. */
export function uploadFile(file: File): Promise<FileValue> {
  return call<FileValue>("POST", "/files", { query: { name: file.name }, bytes: file });
}

export function filePath(kind: string, id: string | number, field: string): string {
  return apiUrl(`/${kind}/${id}/files/${field}`);
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

export interface ImportCounts {
  created: number;
  updated: number;
  unchanged: number;
  rows: number;
}

export interface ImportNote {
  sheet: string;
  row: number;
  column: string;
  detail: string;
}

export interface ImportResult extends ImportCounts {
  sheets: (ImportCounts & { sheet: string; kind: string })[];
  notes: ImportNote[];
  notes_total: number;
  /** The set by which it can be taken back. */
  change?: number;
  /** Of a dry run. */
  checks?: CheckEffect | null;
}

/** What is sent: one kind's sheet, or (kind empty) files of several kinds, by a mapping when one is named. */
export interface ImportOf {
  kind: string;
  files: { name: string; bytes: Blob }[];
  map?: string;
  with?: string;
}

export interface MapInfo {
  map: string;
  name?: string;
  label?: Label;
  parameters?: { name: string; label: Label; default: string | null }[];
  sources?: { name: string; has: string[]; kinds: string[] }[];
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
/** What the write would say, and with `checks` what they would; nothing is written. Its mistakes are those of the write. */
export const planPatch = (kind: string, id: string | number, rev: number, body: Record<string, unknown>, checks = false) =>
  call<Plan>("PATCH", `/${kind}/${encodeURIComponent(id)}`, { body, rev, query: { plan: "true", checks: checks || "" } });
export const endRecord = (kind: string, id: string | number, rev: number, reason?: string) =>
  call<Rec>("DELETE", `/${kind}/${encodeURIComponent(id)}`, { rev, reason });
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const importPath = (of: ImportOf) => `/${of.kind || "registry"}/import`;

function formOf(of: ImportOf): FormData {
  const form = new FormData();
  for (const f of of.files) form.append("file", f.bytes, f.name);
  return form;
}

export const importFiles = (of: ImportOf, dryRun: boolean, reason?: string) =>
  call<ImportResult>("POST", importPath(of), { query: { dry_run: dryRun ? 1 : "", checks: dryRun ? 1 : "", map: of.map, with: of.with }, form: formOf(of), reason });
/** The sheets that were sent, as a workbook with each mistake marked in its cell. */
export const markedFile = (of: ImportOf) =>
  fetchFile("POST", importPath(of), { query: { marked: 1, map: of.map, with: of.with }, form: formOf(of), accept: XLSX });
export const exportFile = (kind: string, query: URLSearchParams, form: "csv" | "xlsx") =>
  fetchFile("GET", `/${kind}`, { query, accept: form === "csv" ? "text/csv" : XLSX });
export const bookFile = (what: "export" | "template", kinds: string[]) =>
  fetchFile("GET", `/registry/${what}`, { query: { kinds: kinds.join(",") }, accept: XLSX });
export const getMaps = () => get<{ items: MapInfo[] }>("/registry/maps");
/** One patch for many records, as a draft change set. */
export const bulkDraft = (kind: string, query: URLSearchParams, body: { title: string; fields?: Record<string, unknown>; state?: string }) =>
  call<{ id: number }>("POST", `/${kind}/bulk?${query.toString()}`, { body });

export const isRef = (v: unknown): v is Ref =>
  typeof v === "object" && v !== null && "id" in v && "key" in v;
