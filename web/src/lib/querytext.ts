// Edits of a log query as text, so that the query box always shows exactly what is asked.

export interface Parts {
  filter: string;
  pipe: string;
}

/** The part before the first pipe that is not inside quotes or slashes, and the rest. */
export function splitPipe(query: string): Parts {
  let quote = "";
  for (let i = 0; i < query.length; i++) {
    const c = query[i];
    if (quote) {
      if (c === "\\") i += 1;
      else if (c === quote) quote = "";
    } else if (c === '"') {
      quote = c;
    } else if (c === "|") {
      return { filter: query.slice(0, i).trim(), pipe: query.slice(i + 1).trim() };
    }
  }
  return { filter: query.trim(), pipe: "" };
}

function join(filter: string, pipe: string): string {
  return pipe ? `${filter} | ${pipe}`.trim() : filter;
}

const TIME = /(^|\s)(since|until):(?:"[^"]*"|\S+)/g;

export function stripTimes(filter: string): string {
  return filter.replace(TIME, " ").replace(/\s+/g, " ").trim();
}

export function timesOf(query: string): { since?: string; until?: string } {
  const out: { since?: string; until?: string } = {};
  for (const m of splitPipe(query).filter.matchAll(TIME)) {
    const value = m[0].trim().slice(6).replace(/"/g, "");
    if (m[2] === "since") out.since = value;
    else out.until = value;
  }
  return out;
}

export function withTimes(query: string, since?: string, until?: string): string {
  const { filter, pipe } = splitPipe(query);
  const words = [stripTimes(filter)];
  if (since) words.push(`since:${since}`);
  if (until) words.push(`until:${until}`);
  return join(words.filter(Boolean).join(" "), pipe);
}

/** field:value, quoted when the value is not a plain word. */
export function term(field: string, value: string): string {
  const plain = /^[\p{L}\p{N}_.\-/@]+$/u.test(value) && !/^(and|or|not)$/i.test(value);
  return `${field}:${plain ? value : `"${value.replace(/(["\\])/g, "\\$1")}"`}`;
}

export function withTerm(query: string, field: string, value: string, negate = false): string {
  const { filter } = splitPipe(query);
  const add = (negate ? "NOT " : "") + term(field, value);
  if (filter.split(/\s+(?=\S+:)/).includes(add)) return filter;
  const times = timesOf(filter);
  const rest = stripTimes(filter);
  // An OR on the top level would swallow the new word.
  const base = /\bOR\b/.test(rest) && !/^\(.*\)$/.test(rest) ? `(${rest})` : rest;
  return withTimes([base, add].filter(Boolean).join(" "), times.since, times.until);
}

export function withCountBy(query: string, fields: string[]): string {
  return join(splitPipe(query).filter, `count by ${fields.join(", ")}`);
}
