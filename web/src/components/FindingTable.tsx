import { Table, type TableProps } from "antd";
import { Link } from "react-router-dom";
import type { Finding } from "../api/judged";
import { useI18n } from "../i18n";
import { ClauseTags } from "./ClauseTags";
import { RefLink } from "./RefLink";
import { Severity } from "./Severity";
import { FindingState } from "./States";
import { findingPath, recordPath } from "../lib/paths";

export function Subject({ of }: { of: Finding["subject"] }) {
  if (!of) return null;
  const text = of.title || of.key;
  if (of.id === null || of.id === undefined || of.id === 0 || of.kind === "event" || !of.kind) return <span>{text}</span>;
  return (
    <Link to={recordPath(of.kind, of.id)} title={of.key}>
      {text}
    </Link>
  );
}

interface Props {
  items: Finding[];
  hide?: ("state" | "unit" | "clauses" | "count" | "first" | "last")[];
  fresh?: Set<string | number>;
  table?: Partial<TableProps<Finding>>;
}

export function FindingTable({ items, hide = [], fresh, table }: Props) {
  const { t, label, sentence, fmt } = useI18n();
  const columns: TableProps<Finding>["columns"] = [
    { key: "severity", title: t("finding.severity"), width: 112, render: (_, f) => <Severity value={f.severity} /> },
    {
      key: "title",
      title: t("finding.what"),
      render: (_, f) => (
        <>
          <Link to={findingPath(f.id)}>{label(f.title)}</Link>
          {fresh?.has(f.id) && <span className="fresh">{t("finding.fresh")}</span>}
          <div>
            <span className="quiet">{sentence(f.message)}</span> {!hide.includes("clauses") && <ClauseTags ids={f.clauses} />}
          </div>
        </>
      ),
    },
    {
      key: "subject",
      title: t("finding.subject"),
      width: 180,
      render: (_, f) => (
        <>
          <Subject of={f.subject} />
          {!hide.includes("unit") && f.unit && !(f.subject?.kind === "unit" && f.subject.id === f.unit.id) && (
            <div className="small">
              <RefLink kind="unit" value={f.unit} />
            </div>
          )}
        </>
      ),
    },
    { key: "state", title: t("finding.state"), width: 132, render: (_, f) => <FindingState value={f.state} /> },
    { key: "count", title: t("finding.count"), width: 68, align: "right", render: (_, f) => fmt.number(f.count) },
    { key: "first", title: t("finding.first"), width: 164, render: (_, f) => <time dateTime={f.first_at}>{fmt.time(f.first_at)}</time> },
    { key: "last", title: t("finding.last"), width: 164, render: (_, f) => <time dateTime={f.last_at}>{fmt.time(f.last_at)}</time> },
  ];
  return (
    <Table<Finding>
      rowKey={(f) => String(f.id)}
      dataSource={items}
      columns={columns.filter((c) => !hide.includes(c.key as never))}
      pagination={false}
      {...table}
    />
  );
}
