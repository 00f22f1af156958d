import { call, get } from "./client";
import type { Rec } from "./registry";
import type { Label, Ref } from "./types";

/** Sizes are decimal text: an IPv6 prefix has more addresses than a number can say. */
export interface Use {
  size: string;
  prefixes: string;
  addresses: string;
  reserved: string;
  cooling: string;
  free: string;
  percent: number;
}

export interface TreeRow {
  type: "prefix" | "address" | "reserved" | "cooling" | "taken" | "gap";
  first: string;
  last: string;
  size: string;
  id?: number;
  key?: string;
  container?: boolean;
  unit?: Ref | null;
  zone?: Ref | null;
  purpose?: string | null;
  use?: Use;
  fqdn?: string | null;
  device?: Ref | null;
  why?: string;
  until?: string;
  prefix?: string;
}

export interface Tree {
  prefix: Rec;
  above: { id: number; key: string }[];
  use: Use;
  rows: TreeRow[];
  next: string | null;
  conflicts: { why: string; address: string; prefix?: string }[];
}

export interface Wanted {
  count: number;
  length?: number;
  device?: string;
  name?: string;
  unit?: string;
  purpose?: string;
}

export interface FoundGroup {
  kind: string;
  label: Label;
  more: boolean;
  hits: { id: number; key: string; title: string; state: string; match: string }[];
}

const at = (prefix: string) => `/prefix/${encodeURIComponent(prefix)}`;
export const getTree = (prefix: string, from?: string) => get<Tree>(`${at(prefix)}/tree`, { from });
export const getFree = (prefix: string, n: number, length?: number, signal?: AbortSignal) =>
  get<{ prefix: string; items: string[]; free: string }>(`${at(prefix)}/free`, { n, length }, signal);
export const allocate = (prefix: string, want: Wanted, reason?: string) =>
  call<{ items: Rec[] }>("POST", `${at(prefix)}/allocate`, { body: want, reason });
export const find = (q: string, signal?: AbortSignal) => get<{ q: string; groups: FoundGroup[] }>("/find", { q }, signal);
