import { Table, type TableProps } from "antd";
import { Link } from "react-router-dom";
import type { Control } from "../api/judged";
import { useI18n } from "../i18n";
import { ClauseTags } from "./ClauseTags";
import { Severity } from "./Severity";
import { CheckState } from "./States";

export function ControlTable({ items, table }: { items: Control[]; table?: Partial<TableProps<Control>> }) {
  const { t, label, fmt, word } = useI18n();
  return (
    <Table<Control>
      rowKey="id"
      dataSource={items}
      pagination={false}
      columns={[
        { title: t("control.state"), width: 130, render: (_, c) => <CheckState value={c.state} /> },
        {
          title: t("control.what"),
          render: (_, c) => (
            <>
              {label(c.title)}
              <div className="quiet">
                <code>{c.id}</code> · {word("control_kind", c.kind)}
                {c.error && <span className="mark bad"> {c.error}</span>}
              </div>
            </>
          ),
        },
        { title: t("finding.severity"), width: 120, render: (_, c) => <Severity value={c.severity} /> },
        { title: t("finding.clauses"), width: 200, render: (_, c) => <ClauseTags ids={c.clauses} /> },
        {
          title: t("control.offenders"),
          width: 100,
          align: "right",
          render: (_, c) => (c.offenders ? <Link to={`/findings?control=${encodeURIComponent(c.id)}`}>{fmt.number(c.offenders)}</Link> : fmt.number(c.offenders)),
        },
        { title: t("control.checked"), width: 164, render: (_, c) => <time>{fmt.time(c.checked_at) || "–"}</time> },
      ]}
      {...table}
    />
  );
}
