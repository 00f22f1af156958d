// One input per field type. Values are those of the API, so that drafts and differences need no translation.
import { AutoComplete, DatePicker, Input, InputNumber, Radio, Select } from "antd";
import dayjs from "dayjs";
import { isRef, type Field } from "../../api/registry";
import type { Ref } from "../../api/types";
import { RefSelect } from "../../components/RefSelect";
import { useI18n } from "../../i18n";
import { FileInput } from "./FileInput";
import { RefsSelect } from "./RefsSelect";

interface Props {
  field: Field;
  id: string;
  value: unknown;
  onChange: (v: unknown) => void;
  autoFocus?: boolean;
}

const MONO = new Set(["ip", "prefix", "mac", "fqdn"]);
const DURATIONS = ["PT15M", "PT1H", "PT6H", "P1D", "P7D", "P1M", "P3M", "P6M", "P1Y"];

export function FieldInput({ field, id, value, onChange, autoFocus }: Props) {
  const { t, label, fmt } = useI18n();
  const text = value === null || value === undefined ? "" : String(value);
  if (field.type === "ref" && field.ref) {
    return <RefSelect id={id} kind={field.ref} autoFocus={autoFocus} value={isRef(value) ? value : (value as string | number | null)} onChange={(v, ref) => onChange(ref ?? v)} />;
  }
  if (field.type === "refs" && field.ref) {
    return <RefsSelect id={id} kind={field.ref} value={(value as Ref[] | null) ?? []} onChange={onChange} />;
  }
  if (field.values?.length) {
    return (
      <Select
        id={id}
        autoFocus={autoFocus}
        allowClear={!field.required}
        showSearch
        optionFilterProp="label"
        value={text || undefined}
        onChange={(v?: string) => onChange(v ?? null)}
        options={field.values.map((v) => ({ value: v.value, label: label(v.label) }))}
      />
    );
  }
  switch (field.type) {
    case "bool":
      return (
        <Radio.Group
          id={id}
          value={text === "" ? "" : String(text === "true" || text === "1")}
          onChange={(e) => onChange(e.target.value === "" ? null : e.target.value === "true")}
          options={[
            { value: "true", label: t("bool.true") },
            { value: "false", label: t("bool.false") },
            ...(field.required ? [] : [{ value: "", label: t("bool.none") }]),
          ]}
        />
      );
    case "int":
    case "decimal":
      return (
        <InputNumber
          id={id}
          autoFocus={autoFocus}
          style={{ width: 200 }}
          precision={field.type === "decimal" ? undefined : 0}
          min={field.min ?? undefined}
          max={field.max ?? undefined}
          value={value === null || value === undefined || value === "" ? null : Number(value)}
          onChange={(v) => onChange(v)}
        />
      );
    case "date":
      return <DatePicker id={id} autoFocus={autoFocus} format="DD/MM/YYYY" value={text ? dayjs(text) : null} onChange={(d) => onChange(d ? d.format("YYYY-MM-DD") : null)} />;
    case "time":
      return (
        <DatePicker
          id={id}
          showTime
          autoFocus={autoFocus}
          format="DD/MM/YYYY HH:mm:ss"
          value={text ? dayjs(text) : null}
          onChange={(d) => onChange(d ? d.toISOString().replace(/\.\d{3}Z$/, "Z") : null)}
        />
      );
    case "duration":
      return (
        <AutoComplete
          id={id}
          autoFocus={autoFocus}
          value={text}
          onChange={(v: string) => onChange(v || null)}
          options={DURATIONS.map((d) => ({ value: d, label: `${d} · ${fmt.isoSpan(d)}` }))}
          style={{ width: 200 }}
        />
      );
    case "file":
      return <FileInput id={id} value={value} onChange={onChange} />;
    case "markdown":
    case "json":
      return (
        <Input.TextArea
          id={id}
          autoFocus={autoFocus}
          autoSize={{ minRows: 3, maxRows: 16 }}
          className={field.type === "json" ? "mono" : undefined}
          value={field.type === "json" && typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : text}
          onChange={(e) => onChange(e.target.value || null)}
        />
      );
    default:
      return (
        <Input
          id={id}
          autoFocus={autoFocus}
          className={MONO.has(field.type) ? "mono" : undefined}
          type={field.type === "email" ? "email" : field.type === "phone" ? "tel" : "text"}
          value={text}
          onChange={(e) => onChange(e.target.value || null)}
          autoComplete="off"
        />
      );
  }
}
