// Instants as the query language takes them: RFC 3339, UTC, whole seconds.

export function isoSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

export function isoAround(at: string, seconds: number): { since: string; until: string } {
  const ms = Date.parse(at);
  return { since: isoSecond(ms - seconds * 1000), until: isoSecond(ms + seconds * 1000) };
}
