// A field's value as a person reads it; the schema says what it is.
import { filePath, isFile, isRef, type Field, type Kind } from "../../api/registry";
import type { Ref } from "../../api/types";
import { RefLink } from "../../components/RefLink";
import { fieldOf } from "../../hooks/schema";
import { useI18n } from "../../i18n";

const MONO = new Set(["ip", "prefix", "mac", "fqdn"]);
const TIMES = new Set(["changed_at", "created_at", "valid_from", "valid_to"]);

/** `id`: of the record that holds the value now, where a document is to be fetched from it. */
export function Value({ kind, name, value, id }: { kind: Kind; name: string; value: unknown; id?: string | number }) {
  const { t, label, fmt } = useI18n();
  if (value === null || value === undefined || value === "") return <span className="none">–</span>;
  if (name === "state") return <span className="state">{label(kind.states?.find((s) => s.value === value)?.label) || String(value)}</span>;
  if (TIMES.has(name)) return <>{fmt.time(String(value))}</>;
  const field = fieldOf(kind, name);
  if (isFile(value)) {
    const size = <span className="quiet">{fmt.bytes(value.size)}</span>;
    return (
      <span title={value.sha256}>
        {id === undefined ? (
          value.name
        ) : (
          <a href={filePath(kind.name, id, name)} download={value.name}>
            {value.name}
          </a>
        )}{" "}
        {size}
      </span>
    );
  }
  if (!field) return <>{typeof value === "object" ? JSON.stringify(value) : String(value)}</>;
  if (typeof value === "boolean" || field.type === "bool") return <>{value === true || value === 1 ? t("bool.true") : t("bool.false")}</>;
  return <Typed field={field} value={value} />;
}

function Typed({ field, value }: { field: Field; value: unknown }) {
  const { label, fmt } = useI18n();
  const one = (v: unknown) => label(field.values?.find((x) => x.value === String(v))?.label) || String(v);
  if (field.ref && isRef(value)) return <RefLink kind={field.ref} value={value} />;
  if (Array.isArray(value)) {
    return (
      <>
        {value.map((v, i) => (
          <span key={i}>
            {i > 0 && ", "}
            {field.ref && isRef(v) ? <RefLink kind={field.ref} value={v as Ref} /> : one(v)}
          </span>
        ))}
      </>
    );
  }
  if (field.values?.length) return <>{one(value)}</>;
  switch (field.type) {
    case "date":
      return <>{fmt.date(String(value))}</>;
    case "time":
      return <>{fmt.time(String(value))}</>;
    case "duration":
      return <span title={String(value)}>{fmt.isoSpan(String(value))}</span>;
    case "decimal":
      return <>{fmt.number(Number(value), 6)}</>;
    case "markdown":
      return <span className="pre">{String(value)}</span>;
    case "json":
      return <pre className="code">{JSON.stringify(value, null, 2)}</pre>;
    default:
      return MONO.has(field.type) ? <span className="mono">{String(value)}</span> : <>{String(value)}</>;
  }
}
