// Change sets: what somebody wants changed, seen before it is done, approved by another.
import { ApiError, call, get, type ProblemItem } from "./client";
import type { HistoryItem } from "./registry";
import type { Label, Page, Ref } from "./types";
import type { Finding } from "./judged";

export interface Op {
  op: string;
  kind: string;
  target?: Ref | { op: number } | string | number;
  rev?: number;
  state?: string;
  fields?: Record<string, unknown>;
}

export interface ChangeHead {
  id: number;
  rev: number;
  state: string;
  title: string;
  reason: string;
  implicit: boolean;
  author: string;
  author_person: Ref | null;
  owner: string;
  unit: Ref | null;
  needs_approval: boolean;
  break_glass: boolean;
  overdue: boolean;
  reviewed_by: string | null;
  created_at: string;
  changed_at: string;
  submitted_at: string | null;
  applied_at: string | null;
  applied_by: string | null;
  confirm_by: string | null;
  note: string | null;
  reverts: number | null;
  reverted_by: number | null;
  ops_total: number;
  kinds: string[];
  may: string[];
}

export interface Approval {
  at: string;
  by: string;
  verdict: string;
  hash: string | null;
  note: string | null;
  void: boolean;
}

export interface ChangeSet extends ChangeHead {
  ops: Op[];
  approvals: Approval[];
  events: { at: string; by: string; op: string; state: string | null; note: string | null }[];
  touched: { kind: string; id: number; key: string; op: string }[];
}

export interface Effect {
  op: number;
  how: string;
  kind: string;
  id: number | null;
  key: string | null;
  title: string | null;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

/** What the state checks would say after the change, against what they say now. */
export interface CheckEffect {
  ran: number;
  opens: number;
  closes: number;
  unknown: number;
  hidden: number;
  more: number;
  controls: {
    id: string;
    title: Label;
    severity: string;
    clauses: string[];
    opens: number;
    closes: number;
    items: {
      effect: "opens" | "closes";
      subject: { kind: string; id: number | null; key: string | null; title: string | null };
      unit: Ref | null;
    }[];
  }[];
  failed: { id: string; title: Label; severity: string; error: Label }[];
}

export interface Plan {
  hash: string;
  needs_approval: boolean;
  stale: number;
  effects: Effect[];
  errors: ProblemItem[];
  checks: CheckEffect | null;
}

export interface Why {
  history: (HistoryItem & { change: ChangeHead | null; approvals: Approval[] })[];
  attached: { kind: string; id: number; key: string; title: string; state: string; changed_at: string; field: string }[];
  clauses: { field: string | null; clauses: string[] }[];
  findings: Finding[];
}

export const listChanges = (query: URLSearchParams) => get<Page<ChangeHead>>("/changes", query);
export const getChange = (id: string | number) => get<ChangeSet>(`/changes/${id}`);
export const getPlan = (id: string | number) => get<Plan>(`/changes/${id}/plan`);
export const createChange = (title: string, reason: string, ops: Op[]) =>
  call<ChangeSet>("POST", "/changes", { body: { title, reason, ops } });
export const editChange = (set: ChangeHead, body: { title?: string; reason?: string; ops?: Op[] }) =>
  call<ChangeSet>("PATCH", `/changes/${set.id}`, { rev: set.rev, body });
export const stepChange = (set: ChangeHead, step: string, body: Record<string, unknown>) =>
  call<ChangeSet>("POST", `/changes/${set.id}/${step}`, { rev: set.rev, body });
export const getWhy = (kind: string, id: string | number) => get<Why>(`/${kind}/${encodeURIComponent(id)}/why`);

/** Writes, or, where another person must approve it first, makes a draft of that one operation and answers it. */
export async function orPropose(write: () => Promise<unknown>, title: string, reason: string, op: Op): Promise<ChangeSet | null> {
  try {
    await write();
    return null;
  } catch (e) {
    if (!(e instanceof ApiError) || e.problem.type !== "urn:luy:registry.needs_approval") throw e;
    return createChange(title, reason, [op]);
  }
}
