import { Table } from "antd";
import { Link } from "react-router-dom";
import type { Today } from "../../api/judged";
import { Panel } from "../../components/Page";
import { EmptyState } from "../../components/EmptyState";
import { Severity } from "../../components/Severity";
import { useI18n } from "../../i18n";
import { clausePath } from "../../lib/paths";

const PAGE = { pageSize: 8, hideOnSinglePage: true, showSizeChanger: false };

function Bar({ n, most }: { n: number; most: number }) {
  return <span className="bar" style={{ width: `${Math.max(2, Math.round((100 * n) / Math.max(1, most)))}%` }} aria-hidden />;
}

export function ByClause({ rows }: { rows: Today["findings"]["by_clause"] }) {
  const { t, label, fmt } = useI18n();
  const most = Math.max(...rows.map((r) => r.count), 1);
  return (
    <Panel title={t("today.by_clause")}>
      <Table
        rowKey="clause"
        dataSource={rows}
        pagination={PAGE}
        locale={{ emptyText: <EmptyState what={t("today.no_findings")} /> }}
        columns={[
          {
            title: t("finding.clauses"),
            render: (_, r) => (
              <>
                <Link to={clausePath(r.clause)} className="clause">
                  {r.clause}
                </Link>{" "}
                {label(r.title)}
              </>
            ),
          },
          { title: t("finding.severity"), width: 116, render: (_, r) => <Severity value={r.severity} /> },
          {
            title: t("today.count"),
            width: 110,
            render: (_, r) => (
              <Link to={`/findings?clause=${encodeURIComponent(r.clause)}`} className="bar-cell">
                <span className="bar-n">{fmt.number(r.count)}</span>
                <Bar n={r.count} most={most} />
              </Link>
            ),
          },
        ]}
      />
    </Panel>
  );
}

export function ByUnit({ rows }: { rows: Today["findings"]["by_unit"] }) {
  const { t, fmt } = useI18n();
  const most = Math.max(...rows.map((r) => r.count), 1);
  return (
    <Panel title={t("today.by_unit")}>
      <Table
        rowKey={(r) => String(r.unit?.id ?? "none")}
        dataSource={rows}
        pagination={PAGE}
        locale={{ emptyText: <EmptyState what={t("today.no_findings")} /> }}
        columns={[
          { title: t("finding.unit"), render: (_, r) => (r.unit ? r.unit.title : t("today.no_unit")) },
          {
            title: t("today.count"),
            width: 130,
            render: (_, r) => (
              <Link to={r.unit ? `/findings?unit=${encodeURIComponent(r.unit.key)}` : "/findings"} className="bar-cell">
                <span className="bar-n">{fmt.number(r.count)}</span>
                <Bar n={r.count} most={most} />
              </Link>
            ),
          },
        ]}
      />
    </Panel>
  );
}
