// Which fields of a line stand in columns; the time is always the first and the message the last.

export const LINE_COLUMNS = ["severity", "host", "program", "pid", "source", "relay", "facility", "transport", "format", "event_at"] as const;
export type LineColumn = (typeof LINE_COLUMNS)[number];
export const LINE_DEFAULT: LineColumn[] = ["severity", "host", "program"];

/** As the address says it; unknown names are left out, the order is the table's own. */
export function readColumns(text: string | null): LineColumn[] {
  if (text === null) return LINE_DEFAULT;
  const named = text.split(",");
  return LINE_COLUMNS.filter((c) => named.includes(c));
}

/** null: the usual ones, which need no word in the address; "-" is none. */
export function writeColumns(columns: readonly string[]): string | null {
  const text = LINE_COLUMNS.filter((c) => columns.includes(c)).join(",");
  return text === LINE_DEFAULT.join(",") ? null : text || "-";
}
