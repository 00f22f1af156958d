// What makes an answer less than exact, in words: a sample, or groups that were let go.
import type { Args, Key } from "../i18n/translate";

interface Stats {
  sampled: boolean;
  short_by: number;
}

/** `tell` writes the number by which a group may fall short in the unit of what is ranked. */
export function inexact(t: (key: Key, args?: Args) => string, { sampled, short_by }: Stats, tell?: (n: number) => string): string[] {
  const said: string[] = [];
  if (sampled) said.push(t("rows.sampled"));
  if (short_by > 0) said.push(t("rows.short_by", { n: tell ? tell(short_by) : short_by }));
  return said;
}
