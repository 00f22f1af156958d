import { FilterOutlined, TableOutlined } from "@ant-design/icons";
import { Button, Checkbox, Input, Popover, Tag } from "antd";
import { useEffect, useState } from "react";
import { isRef, type Kind } from "../../api/registry";
import { useI18n } from "../../i18n";
import { addFilter, changeList, filterName, type Filter, type ListState } from "../../lib/liststate";
import { FilterEditor } from "./FilterEditor";
import { allColumns, columnLabel } from "./labels";
import { shownColumns } from "./ListTable";

interface Props {
  kind: Kind;
  state: ListState;
  onChange: (s: ListState) => void;
}

export function ListFilters({ kind, state, onChange }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const [words, setWords] = useState(state.q);
  const [adding, setAdding] = useState(false);
  useEffect(() => setWords(state.q), [state.q]);
  const names = shownColumns(kind, state);

  return (
    <div className="filters">
      <Input.Search
        enterButton={t("search.do")}
        style={{ width: 260 }}
        value={words}
        allowClear
        aria-label={t("registry.find")}
        placeholder={t("registry.find")}
        onChange={(e) => setWords(e.target.value)}
        onSearch={(v) => onChange(changeList(state, { q: v.trim() }))}
      />
      <Popover
        open={adding}
        onOpenChange={setAdding}
        trigger="click"
        placement="bottomLeft"
        destroyOnHidden
        title={t("filter.add")}
        content={
          <FilterEditor
            kind={kind}
            onAdd={(f) => {
              setAdding(false);
              onChange(addFilter(state, f));
            }}
          />
        }
      >
        <Button icon={<FilterOutlined aria-hidden />}>{t("filter.add")}</Button>
      </Popover>
      <Popover
        trigger="click"
        placement="bottomLeft"
        title={t("registry.columns")}
        content={
          <Checkbox.Group
            className="columns"
            value={names}
            onChange={(v) => onChange({ ...state, cols: allColumns(kind).filter((c) => (v as string[]).includes(c)) })}
            options={allColumns(kind).map((c) => ({ value: c, label: columnLabel(i18n, kind, c) }))}
          />
        }
      >
        <Button icon={<TableOutlined aria-hidden />}>{t("registry.columns")}</Button>
      </Popover>
      <Checkbox checked={state.ended} onChange={(e) => onChange(changeList(state, { ended: e.target.checked }))}>
        {t("registry.ended")}
      </Checkbox>
      {state.filters.map((f) => (
        <Tag
          key={filterName(f)}
          closable
          closeIcon={<span aria-label={t("filter.remove")}>×</span>}
          onClose={() => onChange(changeList(state, { filters: state.filters.filter((x) => x !== f) }))}
        >
          <Chip kind={kind} filter={f} />
        </Tag>
      ))}
      {state.filters.length > 1 && (
        <Button type="link" onClick={() => onChange(changeList(state, { filters: [], q: "" }))}>
          {t("filter.clear")}
        </Button>
      )}
    </div>
  );
}

function Chip({ kind, filter }: { kind: Kind; filter: Filter }) {
  const i18n = useI18n();
  const { t, label, word, fmt } = i18n;
  const field = kind.fields.find((f) => f.name === filter.field);
  const values = filter.field === "state" ? kind.states : field?.values;
  const one = (v: string) => {
    if (isRef(v)) return v;
    if (values) return label(values.find((x) => x.value === v)?.label) || v;
    if (field?.type === "bool") return v === "true" || v === "1" ? t("bool.true") : t("bool.false");
    if (field?.type === "date") return fmt.date(v);
    return v;
  };
  const text = filter.op === "null" ? "" : filter.value.split(",").map(one).join(", ");
  const op = filter.op === "null" ? t(filter.value === "false" || filter.value === "0" ? "op.not_null" : "op.null") : word("op", filter.op);
  return (
    <>
      {columnLabel(i18n, kind, filter.field)} {op} <strong>{text}</strong>
    </>
  );
}
