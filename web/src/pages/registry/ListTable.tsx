import { Table, type TableProps } from "antd";
import { Link } from "react-router-dom";
import type { Kind, Rec } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { useI18n } from "../../i18n";
import { changeList, type ListState } from "../../lib/liststate";
import { columnLabel } from "./labels";
import { Value } from "./Value";
import { recordPath } from "../../lib/paths";

interface Props {
  kind: Kind;
  state: ListState;
  items: Rec[];
  loading: boolean;
  onChange: (s: ListState) => void;
  /** Rows that are picked, across pages; without onPick none can be. */
  picked?: Rec[];
  onPick?: (picked: Rec[]) => void;
}

const WIDE = new Set(["markdown", "json"]);

export function shownColumns(kind: Kind, state: ListState): string[] {
  if (state.cols.length) return state.cols;
  const own = kind.columns.length ? kind.columns : [kind.key];
  return kind.states && kind.states.length > 1 && !own.includes("state") ? [...own, "state"] : own;
}

export function ListTable({ kind, state, items, loading, onChange, picked, onPick }: Props) {
  const i18n = useI18n();
  const { t } = i18n;
  const names = shownColumns(kind, state);
  const sortOf = (name: string) => (state.order === name ? "ascend" : state.order === `-${name}` ? "descend" : null);
  const columns: TableProps<Rec>["columns"] = names.map((name, i) => ({
    key: name,
    title: columnLabel(i18n, kind, name),
    sorter: !WIDE.has(kind.fields.find((f) => f.name === name)?.type ?? ""),
    sortOrder: sortOf(name),
    ellipsis: i > 0,
    render: (_, r) =>
      i === 0 || name === kind.title ? (
        <Link to={recordPath(kind.name, r.id)}>{String(r[name] ?? r.key)}</Link>
      ) : (
        <Value kind={kind} name={name} value={r[name]} id={r.id} />
      ),
  }));
  return (
    <Table<Rec>
      rowKey={(r) => String(r.id)}
      dataSource={items}
      columns={columns}
      loading={loading && items.length === 0}
      pagination={false}
      sticky
      rowSelection={
        onPick && {
          preserveSelectedRowKeys: true,
          selectedRowKeys: picked?.map((r) => String(r.id)),
          onChange: (_keys, rows) => onPick(rows),
          getCheckboxProps: (r) => ({ disabled: !!r.valid_to, "aria-label": String(r.key) }) as { disabled: boolean },
        }
      }
      scroll={names.length > 8 ? { x: names.length * 140 } : undefined}
      rowClassName={(r) => (r.valid_to ? "ended" : "")}
      showSorterTooltip={false}
      onChange={(_p, _f, sorter) => {
        const s = Array.isArray(sorter) ? sorter[0] : sorter;
        const order = s.order ? `${s.order === "descend" ? "-" : ""}${String(s.columnKey)}` : "";
        onChange(changeList(state, { order }));
      }}
      locale={{
        emptyText: loading ? (
          <span />
        ) : (
          <EmptyState
            what={state.filters.length || state.q ? t("registry.none_match") : t("registry.none")}
            next={state.filters.length || state.q ? t("registry.none_match_do") : <Link to={`/registry/${kind.name}/new`}>{t("registry.none_do")}</Link>}
          />
        ),
      }}
    />
  );
}
