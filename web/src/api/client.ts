// The one door to the server: JSON in and out, problems as values, the CSRF
// value and the language on every call. Nothing else in the console calls fetch.

export interface ProblemItem {
  pointer?: string;
  detail: string;
  code?: string;
  row?: number;
  column?: string | number;
  sheet?: string;
  at?: string;
  line?: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: ProblemItem[];
  errors_total?: number;
  column?: number;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }

  get status(): number {
    return this.problem.status;
  }
}

export type Query = Record<string, string | number | boolean | undefined | null>;

export interface CallOptions {
  query?: Query | URLSearchParams;
  body?: unknown;
  form?: FormData;
  /** Sent as it is. */
  bytes?: Blob;
  rev?: number;
  reason?: string;
  accept?: string;
  signal?: AbortSignal;
}

export const BASE = "/api/v1";

const ctx = { csrf: "", lang: "vi", onSessionLost: () => {}, onMustChange: () => {} };

export function setCsrf(value: string): void {
  ctx.csrf = value;
}

export function setApiLanguage(lang: string): void {
  ctx.lang = lang;
}

export function onSession(handlers: { lost: () => void; mustChange: () => void }): void {
  ctx.onSessionLost = handlers.lost;
  ctx.onMustChange = handlers.mustChange;
}

export function toParams(query?: Query | URLSearchParams): URLSearchParams {
  if (query instanceof URLSearchParams) return query;
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") out.append(name, String(value));
  }
  return out;
}

export function apiUrl(path: string, query?: Query | URLSearchParams): string {
  const params = toParams(query).toString();
  return BASE + path + (params ? `?${params}` : "");
}

function headersOf(method: string, o: CallOptions): Record<string, string> {
  const h: Record<string, string> = { Accept: o.accept ?? "application/json", "Accept-Language": ctx.lang };
  if (method !== "GET" && ctx.csrf) h["X-CSRF-Token"] = ctx.csrf;
  if (o.rev !== undefined) h["If-Match"] = `"${o.rev}"`;
  if (o.reason) h["X-Reason"] = encodeURIComponent(o.reason);
  if (o.bytes) h["Content-Type"] = "application/octet-stream";
  // Of a form the browser says the type itself, with the boundary.
  if (o.body !== undefined) h["Content-Type"] = "application/json";
  return h;
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const p = (await answer.json()) as Partial<Problem>;
    return { ...p, type: p.type ?? "", title: p.title ?? answer.statusText, status: answer.status };
  } catch {
    return { type: "", title: answer.statusText || String(answer.status), status: answer.status };
  }
}

async function send(method: string, path: string, o: CallOptions): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(apiUrl(path, o.query), {
      method,
      headers: headersOf(method, o),
      body: o.form ?? o.bytes ?? (o.body === undefined ? undefined : JSON.stringify(o.body)),
      signal: o.signal,
      credentials: "same-origin",
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new ApiError({ type: "urn:luy:console.offline", title: "", status: 0 });
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (answer.status === 401 && path !== "/session") ctx.onSessionLost();
  if (problem.type === "urn:luy:api.must_change") ctx.onMustChange();
  throw new ApiError(problem);
}

export async function call<T>(method: string, path: string, o: CallOptions = {}): Promise<T> {
  const answer = await send(method, path, o);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

export function get<T>(path: string, query?: CallOptions["query"], signal?: AbortSignal): Promise<T> {
  return call<T>("GET", path, { query, signal });
}

/** A file that the server makes. */
export async function fetchFile(method: string, path: string, o: CallOptions): Promise<Blob> {
  return (await send(method, path, o)).blob();
}
