// What the checks would make of a change: the findings that would open and close, by check, clause and record.
import { Alert, Table } from "antd";
import { Link } from "react-router-dom";
import type { CheckEffect } from "../api/changes";
import { ClauseTags } from "./ClauseTags";
import { RefLink } from "./RefLink";
import { Severity } from "./Severity";
import { useI18n } from "../i18n";
import { recordPath } from "../lib/paths";

type Control = CheckEffect["controls"][number];
type Item = Control["items"][number];

export function CheckEffects({ checks }: { checks: CheckEffect }) {
  const { t, label } = useI18n();
  const { ran, opens, closes, unknown, hidden, more, failed } = checks;
  const nothing = opens === 0 && closes === 0;
  const said = nothing ? (ran > 0 ? t("plan_checks.none", { n: ran }) : t("plan_checks.not_concerned")) : t("plan_checks.sum", { opens, closes });
  return (
    <section className="plan-checks" aria-label={t("plan_checks.title")}>
      <h3>{t("plan_checks.title")}</h3>
      <p>
        <strong>{said}</strong>
      </p>
      {checks.controls
        .filter((c) => c.items.length > 0)
        .map((c) => (
          <ControlEffect key={c.id} control={c} />
        ))}
      {unknown > 0 && <p>{t("plan_checks.unknown", { n: unknown })}</p>}
      {hidden > 0 && <p className="quiet">{t("plan_checks.hidden", { n: hidden })}</p>}
      {more > 0 && <p className="quiet">{t("plan_checks.more", { n: more })}</p>}
      {failed.length > 0 && (
        <Alert
          type="warning"
          showIcon
          message={t("plan_checks.failed", { n: failed.length })}
          description={
            <ul>
              {failed.map((f) => (
                <li key={f.id}>
                  {label(f.title)} (<code>{f.id}</code>): {label(f.error)}
                </li>
              ))}
            </ul>
          }
        />
      )}
    </section>
  );
}

function ControlEffect({ control }: { control: Control }) {
  const { t, word, label } = useI18n();
  return (
    <Table<Item>
      size="small"
      pagination={false}
      rowKey={(i) => `${i.effect} ${i.subject.kind} ${i.subject.id ?? i.subject.key ?? ""}`}
      dataSource={control.items}
      title={() => (
        <>
          <Severity value={control.severity} />{" "}
          <Link to={`/findings?control=${encodeURIComponent(control.id)}`}>{label(control.title)}</Link> <ClauseTags ids={control.clauses} />
        </>
      )}
      columns={[
        {
          title: t("plan_checks.effect"),
          width: 140,
          render: (_, i) => <span className={`mark ${i.effect === "opens" ? "bad" : "good"}`}>{word("check_effect", i.effect)}</span>,
        },
        { title: t("finding.subject"), render: (_, i) => <Subject of={i.subject} /> },
        { title: t("finding.unit"), width: 220, render: (_, i) => <RefLink kind="unit" value={i.unit} /> },
      ]}
    />
  );
}

/** What the set itself creates has no page yet. */
function Subject({ of }: { of: Item["subject"] }) {
  const { t } = useI18n();
  const name = of.title ?? of.key ?? t("changes.to_be_numbered");
  if (of.id === null) return <span>{name}</span>;
  const to = of.kind === "change_set" ? `/changes/${of.id}` : recordPath(of.kind, of.id);
  return (
    <Link to={to} title={of.key ?? undefined}>
      {name}
    </Link>
  );
}
