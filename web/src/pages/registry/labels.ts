import type { Kind } from "../../api/registry";
import { fieldOf, SYSTEM_FIELDS } from "../../hooks/schema";
import type { I18n } from "../../i18n";

/** The word for a column: the schema's for a field, the catalogue's for what every record has. */
export function columnLabel(i18n: I18n, kind: Kind, name: string): string {
  const field = fieldOf(kind, name);
  return field ? i18n.label(field.label) : i18n.word("field", name);
}

export function allColumns(kind: Kind): string[] {
  const own = kind.fields.map((f) => f.name);
  return [...own, ...SYSTEM_FIELDS.filter((f) => !own.includes(f) && (f !== "state" || !!kind.states?.length))];
}
