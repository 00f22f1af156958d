import { useQuery } from "@tanstack/react-query";
import { Alert, Breadcrumb, Button, Descriptions, Table } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router-dom";
import { getChange, getPlan, type ChangeSet, type Plan } from "../../api/changes";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { RefLink } from "../../components/RefLink";
import { ChangeState } from "../../components/States";
import { useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { recordPath } from "../../lib/paths";
import { titleOf } from "./ChangesPage";
import { PlanView } from "./PlanView";
import { StepModal } from "./StepModal";
import { formOf, offered } from "./steps";

const DONE = new Set(["applied", "confirmed", "reverted"]);

export default function ChangePage() {
  const { id = "" } = useParams();
  const { t, word } = useI18n();
  const query = useQuery({ queryKey: ["changes", "one", id], queryFn: () => getChange(id) });
  const set = query.data;
  const open = !!set && !DONE.has(set.state);
  const plan = useQuery({ queryKey: ["changes", "plan", id, set?.rev], queryFn: () => getPlan(id), enabled: open });
  return (
    <Page
      title={set ? titleOf(set, t) : t("nav.changes")}
      above={<Breadcrumb items={[{ title: <Link to="/changes">{t("nav.changes")}</Link> }, { title: id }]} />}
      answer={set && word("change_answer", set.state)}
      actions={set && <Steps set={set} plan={plan.data} />}
    >
      <Loaded query={query}>
        {(data) => (
          <>
            <Notes set={data} />
            <Facts set={data} />
            {open ? <Loaded query={plan}>{(p) => <PlanView plan={p} />}</Loaded> : <Touched set={data} />}
            <Hands set={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Steps({ set, plan }: { set: ChangeSet; plan: Plan | undefined }) {
  const { word } = useI18n();
  const [step, setStep] = useState<string | null>(null);
  return (
    <>
      {offered(set.may, plan).map((s) => (
        <Button key={s} danger={formOf(s)?.danger} type={formOf(s)?.main ? "primary" : "default"} onClick={() => setStep(s)}>
          {word("change_step", s)}
        </Button>
      ))}
      {step && <StepModal set={set} step={step} plan={plan} onClose={() => setStep(null)} />}
    </>
  );
}

function Notes({ set }: { set: ChangeSet }) {
  const { t, fmt } = useI18n();
  return (
    <>
      {set.note && <Alert type="warning" showIcon message={t("changes.note", { note: set.note })} />}
      {set.break_glass && !set.reviewed_by && <Alert type="error" showIcon message={t("changes.glass_open")} />}
      {set.confirm_by && <Alert type="warning" showIcon message={t("changes.confirm_by", { at: fmt.time(set.confirm_by) })} />}
      {set.overdue && <Alert type="error" showIcon message={t("changes.overdue")} />}
    </>
  );
}

function Facts({ set }: { set: ChangeSet }) {
  const { t, fmt } = useI18n();
  const other = (n: number | null) => (n ? <Link to={`/changes/${n}`}>{t("changes.numbered", { n })}</Link> : t("changes.nothing"));
  return (
    <Descriptions
      bordered
      column={{ xs: 1, md: 2, xl: 3 }}
      items={[
        { key: "state", label: t("changes.state"), children: <ChangeState value={set.state} /> },
        { key: "author", label: t("changes.author"), children: set.author_person ? <RefLink kind="person" value={set.author_person} /> : set.author },
        { key: "owner", label: t("changes.owner"), children: set.owner },
        { key: "reason", label: t("changes.reason"), children: set.reason || t("changes.nothing") },
        { key: "needs", label: t("changes.needs"), children: set.needs_approval ? t("bool.true") : t("bool.false") },
        { key: "unit", label: t("changes.unit"), children: set.unit ? <RefLink kind="unit" value={set.unit} /> : t("changes.nothing") },
        {
          key: "applied",
          label: t("changes.applied"),
          children: set.applied_at ? t("changes.applied_by", { at: fmt.time(set.applied_at), by: set.applied_by ?? "" }) : t("changes.not_applied"),
        },
        { key: "reverts", label: t("changes.reverts"), children: other(set.reverts) },
        { key: "reverted", label: t("changes.reverted_by"), children: other(set.reverted_by) },
      ]}
    />
  );
}

function Touched({ set }: { set: ChangeSet }) {
  const { t, word, label } = useI18n();
  const schema = useSchema();
  return (
    <Table
      rowKey={(r) => `${r.kind}-${r.id}-${r.op}`}
      title={() => t("changes.touched", { n: set.ops_total })}
      dataSource={set.touched}
      pagination={set.touched.length > 50 ? { pageSize: 50 } : false}
      columns={[
        { title: t("changes.what"), width: 160, render: (_, r) => word("history_op", r.op) },
        { title: t("changes.kinds"), width: 200, render: (_, r) => label(schema.data?.kinds.find((k) => k.name === r.kind)?.label) || r.kind },
        { title: t("changes.record"), render: (_, r) => <Link to={recordPath(r.kind, r.id)}>{r.key}</Link> },
      ]}
    />
  );
}

/** Who did what with the set, and who approved what they saw. */
function Hands({ set }: { set: ChangeSet }) {
  const { t, word, fmt } = useI18n();
  return (
    <>
      {set.approvals.length > 0 && (
        <Table
          rowKey={(a) => `${a.at}-${a.by}-${a.verdict}`}
          title={() => t("changes.approvals")}
          pagination={false}
          dataSource={set.approvals}
          columns={[
            { title: t("changes.verdict"), width: 160, render: (_, a) => (a.void ? t("changes.void") : word("change_verdict", a.verdict)) },
            { title: t("changes.by"), dataIndex: "by", width: 160 },
            { title: t("changes.at"), width: 160, render: (_, a) => fmt.time(a.at) },
            { title: t("reason.label"), render: (_, a) => a.note },
            { title: t("changes.hash"), width: 140, render: (_, a) => <code title={a.hash ?? ""}>{a.hash?.slice(0, 12)}</code> },
          ]}
        />
      )}
      {set.events.length > 0 && (
        <Table
          rowKey={(e) => `${e.at}-${e.op}`}
          title={() => t("changes.events")}
          pagination={false}
          dataSource={set.events}
          columns={[
            { title: t("changes.at"), width: 160, render: (_, e) => fmt.time(e.at) },
            { title: t("changes.what"), width: 200, render: (_, e) => word("change_event", e.op) },
            { title: t("changes.by"), dataIndex: "by", width: 160 },
            { title: t("reason.label"), render: (_, e) => e.note },
          ]}
        />
      )}
    </>
  );
}
