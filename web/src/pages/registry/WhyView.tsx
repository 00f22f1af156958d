// Why is it so: each change with the set behind it, its author, approver and reason; what is attached; the clauses.
import { useQuery } from "@tanstack/react-query";
import { Table } from "antd";
import { Link } from "react-router-dom";
import { getWhy } from "../../api/changes";
import type { Kind, Rec } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { FindingTable } from "../../components/FindingTable";
import { Loaded } from "../../components/Loaded";
import { RefLink } from "../../components/RefLink";
import { useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { columnLabel } from "./labels";

export function WhyView({ kind, rec }: { kind: Kind; rec: Rec }) {
  const i18n = useI18n();
  const { t, word, fmt, label } = i18n;
  const schema = useSchema();
  const query = useQuery({ queryKey: ["why", kind.name, String(rec.id), rec.rev], queryFn: () => getWhy(kind.name, rec.id) });
  return (
    <Loaded query={query}>
      {(why) => (
        <>
          <Table
            rowKey="seq"
            pagination={false}
            dataSource={why.history}
            title={() => t("why.changes")}
            columns={[
              { title: t("changes.at"), width: 160, render: (_, h) => fmt.time(h.at) },
              { title: t("changes.what"), width: 120, render: (_, h) => word("history_op", h.op) },
              { title: t("why.set"), width: 150, render: (_, h) => h.change && <Link to={`/changes/${h.change.id}`}>{t("changes.numbered", { n: h.change.id })}</Link> },
              { title: t("changes.author"), render: (_, h) => h.change?.author_person?.title ?? h.change?.author ?? h.by },
              {
                title: t("why.approved_by"),
                render: (_, h) => h.approvals.filter((a) => a.verdict === "approved" && !a.void).map((a) => a.by).join(", ") || t("changes.nothing"),
              },
              { title: t("reason.label"), render: (_, h) => h.reason || h.change?.title },
            ]}
          />
          {why.attached.length > 0 && (
            <Table
              rowKey={(a) => `${a.kind}-${a.id}-${a.field}`}
              pagination={false}
              dataSource={why.attached}
              title={() => t("why.attached")}
              columns={[
                { title: t("changes.kinds"), width: 220, render: (_, a) => label(schema.data?.kinds.find((k) => k.name === a.kind)?.label) || a.kind },
                { title: t("changes.record"), render: (_, a) => <RefLink kind={a.kind} value={a} /> },
                { title: t("changes.changed"), width: 160, render: (_, a) => fmt.time(a.changed_at) },
              ]}
            />
          )}
          {why.clauses.length > 0 && (
            <Table
              rowKey={(c) => c.field ?? ""}
              pagination={false}
              dataSource={why.clauses}
              title={() => t("why.clauses")}
              columns={[
                { title: t("history.field"), width: 220, render: (_, c) => (c.field ? columnLabel(i18n, kind, c.field) : label(kind.label)) },
                { title: t("changes.clauses"), render: (_, c) => <ClauseTags ids={c.clauses} /> },
              ]}
            />
          )}
          {why.findings.length > 0 && <FindingTable items={why.findings} hide={["first"]} table={{}} />}
        </>
      )}
    </Loaded>
  );
}
