import { Button, DatePicker, Input, Select } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import type { Field, Kind } from "../../api/registry";
import { RefSelect } from "../../components/RefSelect";
import { useI18n } from "../../i18n";
import type { Filter, Op } from "../../lib/liststate";
import { allColumns, columnLabel } from "./labels";

const ORDERED: Op[] = ["ge", "le", "eq", "null"];
const OPS_OF: Record<string, Op[]> = {
  int: ORDERED,
  decimal: ORDERED,
  level: ["in", "ge", "le", "null"],
  date: ["ge", "le", "eq", "null"],
  time: ["ge", "le", "null"],
  bool: ["eq"],
  enum: ["in", "ne", "null"],
  ref: ["eq", "under", "ne", "null"],
  refs: ["eq", "null"],
};

function typeOf(kind: Kind, name: string): { type: string; field?: Field } {
  if (name === "state") return { type: "enum" };
  if (name.endsWith("_at") && !kind.fields.some((f) => f.name === name)) return { type: "time" };
  const field = kind.fields.find((f) => f.name === name);
  return { type: field?.type ?? "text", field };
}

export function opsFor(type: string, ref?: string | null): Op[] {
  const ops = OPS_OF[type] ?? ["ic", "eq", "ne", "null"];
  return ref && ref !== "unit" ? ops.filter((o) => o !== "under") : ops;
}

export function FilterEditor({ kind, onAdd }: { kind: Kind; onAdd: (f: Filter) => void }) {
  const i18n = useI18n();
  const { t, word } = i18n;
  const [name, setName] = useState(kind.columns.find((c) => c !== kind.key) ?? kind.key);
  const { type, field } = typeOf(kind, name);
  const ops = opsFor(type, field?.ref);
  const [op, setOp] = useState<Op>(ops[0]);
  const [value, setValue] = useState("");
  const chosen = ops.includes(op) ? op : ops[0];
  const add = () => value !== "" && onAdd({ field: name, op: chosen, value });

  return (
    <form
      className="filter-editor"
      onSubmit={(e) => {
        e.preventDefault();
        add();
      }}
    >
      <Select
        aria-label={t("filter.field")}
        showSearch
        optionFilterProp="label"
        value={name}
        options={allColumns(kind).map((c) => ({ value: c, label: columnLabel(i18n, kind, c) }))}
        onChange={(v: string) => {
          const next = typeOf(kind, v);
          setName(v);
          setOp(opsFor(next.type, next.field?.ref)[0]);
          setValue("");
        }}
      />
      <Select
        aria-label={t("filter.op")}
        value={chosen}
        options={ops.map((o) => ({ value: o, label: word("op", o) }))}
        onChange={(v: Op) => {
          setOp(v);
          setValue(v === "null" ? "true" : "");
        }}
      />
      <ValueEditor key={`${name} ${chosen}`} kind={kind} name={name} op={chosen} value={value} onChange={setValue} />
      <Button type="primary" htmlType="submit" disabled={value === ""}>
        {t("filter.apply")}
      </Button>
    </form>
  );
}

interface EditorProps {
  kind: Kind;
  name: string;
  op: Op;
  value: string;
  onChange: (v: string) => void;
}

function ValueEditor({ kind, name, op, value, onChange }: EditorProps) {
  const { t, label } = useI18n();
  const { type, field } = typeOf(kind, name);
  const aria = t("filter.value");
  const yesNo = (yes: string, no: string) => (
    <Select aria-label={aria} value={value || undefined} onChange={onChange} options={[{ value: "true", label: yes }, { value: "false", label: no }]} />
  );
  if (op === "null") return yesNo(t("op.null"), t("op.not_null"));
  if (type === "bool") return yesNo(t("bool.true"), t("bool.false"));
  const values = name === "state" ? kind.states : field?.values;
  if (values) {
    return (
      <Select
        aria-label={aria}
        mode={op === "in" ? "multiple" : undefined}
        value={op === "in" ? value.split(",").filter(Boolean) : value || undefined}
        onChange={(v: string | string[]) => onChange(Array.isArray(v) ? v.join(",") : v)}
        options={values.map((v) => ({ value: v.value, label: label(v.label) }))}
      />
    );
  }
  if (field?.ref) return <RefSelect kind={field.ref} by="key" label={aria} value={value || null} onChange={(v) => onChange(v === null ? "" : String(v))} />;
  if (type === "date" || type === "time") {
    return (
      <DatePicker
        aria-label={aria}
        format="DD/MM/YYYY"
        value={value ? dayjs(value) : null}
        onChange={(d) => onChange(d ? (type === "date" ? d.format("YYYY-MM-DD") : d.startOf("day").toISOString()) : "")}
      />
    );
  }
  return <Input aria-label={aria} value={value} onChange={(e) => onChange(e.target.value)} />;
}
