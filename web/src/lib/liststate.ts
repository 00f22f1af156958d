// The state of a record table is its address: filters, order, columns, page.

export const OPS = ["eq", "ne", "ic", "lt", "le", "gt", "ge", "in", "under", "null"] as const;
export type Op = (typeof OPS)[number];

export interface Filter {
  field: string;
  op: Op;
  value: string;
}

export interface ListState {
  filters: Filter[];
  q: string;
  order: string;
  cols: string[];
  limit: number;
  cursor: string;
  page: number;
  ended: boolean;
}

export const LIMITS = [25, 50, 100, 200];
const RESERVED = new Set(["q", "order", "cols", "limit", "cursor", "page", "ended"]);

export function parseFilter(name: string, value: string): Filter {
  const cut = name.lastIndexOf("__");
  if (cut > 0) {
    const op = name.slice(cut + 2) as Op;
    if (OPS.includes(op)) return { field: name.slice(0, cut), op, value };
  }
  return { field: name, op: "eq", value };
}

export const filterName = (f: Filter) => (f.op === "eq" ? f.field : `${f.field}__${f.op}`);

export function readList(params: URLSearchParams): ListState {
  const limit = Number(params.get("limit"));
  const filters: Filter[] = [];
  params.forEach((value, name) => {
    if (!RESERVED.has(name) && value !== "") filters.push(parseFilter(name, value));
  });
  return {
    filters,
    q: params.get("q") ?? "",
    order: params.get("order") ?? "",
    cols: (params.get("cols") ?? "").split(",").filter(Boolean),
    limit: LIMITS.includes(limit) ? limit : 50,
    cursor: params.get("cursor") ?? "",
    page: Math.max(1, Number(params.get("page")) || 1),
    ended: params.get("ended") === "1",
  };
}

export function writeList(s: ListState): URLSearchParams {
  const out = filterParams(s);
  if (s.cols.length) out.set("cols", s.cols.join(","));
  if (s.limit !== 50) out.set("limit", String(s.limit));
  if (s.cursor) {
    out.set("cursor", s.cursor);
    out.set("page", String(s.page));
  }
  return out;
}

function filterParams(s: ListState): URLSearchParams {
  const out = new URLSearchParams();
  for (const f of s.filters) out.append(filterName(f), f.value);
  if (s.q) out.set("q", s.q);
  if (s.order) out.set("order", s.order);
  if (s.ended) out.set("ended", "1");
  return out;
}

/** What is asked of the server for one page. */
export function toQuery(s: ListState): URLSearchParams {
  const out = filterParams(s);
  out.set("limit", String(s.limit));
  out.set("count", "1");
  if (s.cursor) out.set("cursor", s.cursor);
  return out;
}

/** A change of what is shown goes back to the first page. */
export function changeList(s: ListState, part: Partial<ListState>): ListState {
  return { ...s, cursor: "", page: 1, ...part };
}

export function addFilter(s: ListState, f: Filter): ListState {
  const others = s.filters.filter((x) => !(x.field === f.field && x.op === f.op));
  return changeList(s, { filters: [...others, f] });
}
