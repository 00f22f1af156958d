import { call, get } from "./client";
import type { Source } from "./events";
import type { Label, Page, Ref } from "./types";

export interface Finding {
  id: string | number;
  control: string;
  title: Label;
  clauses: string[];
  severity: string;
  state: string;
  subject: { kind: string; id: string | number | null; key: string; title: string } | null;
  unit: Ref | null;
  count: number;
  first_at: string;
  last_at: string;
  closed_at: string | null;
  message: Label;
}

export interface Control {
  id: string;
  kind: string;
  title: Label;
  severity: string;
  clauses: string[];
  subject?: string | null;
  state: string;
  offenders?: number | null;
  checked_at?: string | null;
  ms?: number | null;
  remedy?: Label | null;
  error?: string | null;
}

export interface Evidence {
  at: string;
  seq: number | null;
  line?: string | null;
  data?: Record<string, unknown> | null;
}

export interface FindingDetail extends Finding {
  why: {
    control: Control | null;
    clauses: { id: string; title: Label; text: Label }[];
    rule: string | null;
    remedy: Label | null;
  };
  evidence: Evidence[];
  history: { at: string; by: string | null; state: string; note: string | null }[];
}

export interface Duty {
  id: string;
  title: Label;
  clauses: string[];
  period: string;
  period_key: string;
  due_on: string;
  notice_on: string | null;
  state: string;
  days_left: number;
  unit: Ref | null;
  done_at: string | null;
  done_by: string | null;
  note: string | null;
}

export interface Clause {
  id: string;
  number: string;
  title: Label;
  text: Label | null;
  operative: boolean;
  state: string;
  controls: string[];
  open_findings: number;
  children?: Clause[];
}

export interface ClauseDetail extends Omit<Clause, "controls"> {
  controls: Control[];
  findings: Finding[];
  duties: Duty[];
}

export interface Regulation {
  code: string;
  title: Label;
  number: string;
  issued_on: string;
  binds: Label;
  coverage: { clauses: number; covered: number };
  clauses: Clause[];
}

export interface Today {
  at: string;
  sentence: Label;
  findings: {
    open: number;
    by_severity: Record<string, number>;
    by_clause: { clause: string; title: Label; count: number; severity: string }[];
    by_unit: { unit: Ref | null; count: number }[];
    newest: Finding[];
  };
  duties: Duty[];
  sources: { total: number; silent: Source[] };
  drops: { total: number; by: Record<string, number> };
  checks: { pass: number; fail: number; unknown: number; not_applicable: number; last_run_at: string | null };
  coverage: { clauses: number; covered: number };
  intake: { restarts: number; received: number };
}

export const getToday = () => get<Today>("/today");
export const listFindings = (query: URLSearchParams) => get<Page<Finding>>("/findings", query);
export const getFinding = (id: string) => get<FindingDetail>(`/findings/${encodeURIComponent(id)}`);
export const markFinding = (id: string | number, state: string, note: string) =>
  call<Finding>("POST", `/findings/${encodeURIComponent(id)}`, { body: { state, note } });
export const getClauses = () => get<{ regulations: Regulation[] }>("/clauses");
export const getClause = (id: string) => get<ClauseDetail>(`/clauses/${encodeURIComponent(id)}`);
export const getControls = () => get<{ items: Control[] }>("/controls");
export const runControls = (control?: string) =>
  call<{ items: Control[] }>("POST", "/controls/run", { query: { control }, body: {} });
export const getDuties = () => get<{ items: Duty[] }>("/duties");
export const dutyDone = (id: string, period_key: string, note: string) =>
  call<Duty>("POST", `/duties/${encodeURIComponent(id)}/done`, { body: { period_key, note } });
