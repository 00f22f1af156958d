import { Button, Table } from "antd";
import { useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { dutyDone, type Duty } from "../../api/judged";
import { ClauseTags } from "../../components/ClauseTags";
import { DaysLeft } from "../../components/DaysLeft";
import { ReasonModal } from "../../components/ReasonModal";
import { RefLink } from "../../components/RefLink";
import { DutyState } from "../../components/States";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";

export function DutyTable({ items }: { items: Duty[] }) {
  const { t, label, fmt } = useI18n();
  const client = useQueryClient();
  const may = useRole("operator", "unit_officer");
  const [doing, setDoing] = useState<Duty | null>(null);
  return (
    <>
      <Table<Duty>
        rowKey={(d) => `${d.id} ${d.period_key} ${d.unit?.id ?? ""}`}
        dataSource={items}
        pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          {
            title: t("duty.state"),
            width: 134,
            render: (_, d) => (
              <>
                <DutyState value={d.state} />
                {d.state !== "done" && (
                  <div className="small">
                    <DaysLeft duty={d} />
                  </div>
                )}
              </>
            ),
          },
          { title: t("duty.due_on"), width: 96, render: (_, d) => fmt.date(d.due_on) },
          {
            title: t("duty.what"),
            render: (_, d) => (
              <>
                {label(d.title)}
                <div className="quiet">
                  {t("duty.period", { period: fmt.isoSpan(d.period), key: d.period_key })}
                  {d.notice_on && ` · ${t("duty.notice", { date: fmt.date(d.notice_on) })}`}
                </div>
              </>
            ),
          },
          { title: t("finding.unit"), width: 180, render: (_, d) => <RefLink kind="unit" value={d.unit} /> },
          { title: t("finding.clauses"), width: 160, render: (_, d) => <ClauseTags ids={d.clauses} /> },
          {
            title: t("duty.done_head"),
            width: 170,
            render: (_, d) =>
              d.state === "done" ? (
                <>
                  {fmt.time(d.done_at)} {d.done_by}
                  {d.note && <div className="quiet">{d.note}</div>}
                </>
              ) : (
                may && <Button onClick={() => setDoing(d)}>{t("duty.do")}</Button>
              ),
          },
        ]}
      />
      {doing && (
        <ReasonModal
          title={t("duty.do_title", { what: label(doing.title) })}
          effect={t("duty.do_effect", { key: doing.period_key })}
          label={t("duty.note")}
          ok={t("duty.do")}
          required
          run={async (note) => {
            await dutyDone(doing.id, doing.period_key, note);
            await client.invalidateQueries();
          }}
          onClose={() => setDoing(null)}
        />
      )}
    </>
  );
}
