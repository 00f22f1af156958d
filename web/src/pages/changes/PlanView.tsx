// The difference as a person reads it: each record once, its fields before and after, the clause beside the field.
import { Alert, Table } from "antd";
import type { Effect, Plan } from "../../api/changes";
import type { Kind } from "../../api/registry";
import { CheckEffects } from "../../components/CheckEffects";
import { ClauseTags } from "../../components/ClauseTags";
import { EmptyState } from "../../components/EmptyState";
import { RefLink } from "../../components/RefLink";
import { fieldOf, useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { changes } from "../../lib/diff";
import { columnLabel } from "../registry/labels";
import { Value } from "../registry/Value";

export function PlanView({ plan }: { plan: Plan }) {
  const { t } = useI18n();
  const schema = useSchema();
  const kinds = schema.data?.kinds ?? [];
  const effects = plan.effects.filter((e) => e.how !== "same");
  return (
    <>
      {plan.errors.length > 0 && (
        <Alert
          type="error"
          showIcon
          message={t("changes.mistakes", { n: plan.errors.length })}
          description={
            <ul>
              {plan.errors.map((e, i) => (
                <li key={i}>
                  <code>{e.pointer}</code> {e.detail}
                </li>
              ))}
            </ul>
          }
        />
      )}
      {effects.length === 0 && plan.errors.length === 0 && <EmptyState what={t("changes.no_effect")} />}
      <ol className="history">
        {effects.map((e) => (
          <EffectView key={e.op} effect={e} kind={kinds.find((k) => k.name === e.kind)} />
        ))}
      </ol>
      {plan.checks && effects.length > 0 && <CheckEffects checks={plan.checks} />}
    </>
  );
}

function EffectView({ effect, kind }: { effect: Effect; kind: Kind | undefined }) {
  const i18n = useI18n();
  const { t, word, label } = i18n;
  if (!kind) return null;
  const rows = changes(effect.before, effect.after);
  const name = effect.key ?? t("changes.to_be_numbered");
  return (
    <li className={effect.how === "create" ? undefined : "changed"}>
      <div className="history-head">
        <strong>{word("change_how", effect.how)}</strong> {label(kind.label)}{" "}
        {effect.id ? <RefLink kind={kind.name} value={{ id: effect.id, key: name, title: name }} /> : <span>{name}</span>}
        {effect.title && effect.title !== name && <span className="quiet"> {effect.title}</span>}
      </div>
      {rows.length > 0 && (
        <Table
          rowKey="field"
          pagination={false}
          dataSource={rows}
          columns={[
            { title: t("history.field"), width: 220, render: (_, c) => columnLabel(i18n, kind, c.field) },
            {
              title: t("history.before"),
              render: (_, c) => (
                <del>
                  <Shown kind={kind} name={c.field} value={c.before} />
                </del>
              ),
            },
            {
              title: t("history.after"),
              render: (_, c) => (
                <ins>
                  <Shown kind={kind} name={c.field} value={c.after} />
                </ins>
              ),
            },
            { title: t("changes.clauses"), width: 180, render: (_, c) => <ClauseTags ids={fieldOf(kind, c.field)?.clauses} /> },
          ]}
        />
      )}
    </li>
  );
}

/** A reference may be to what the set itself creates. */
function Shown({ kind, name, value }: { kind: Kind; name: string; value: unknown }) {
  const { t } = useI18n();
  if (typeof value === "object" && value !== null && "op" in value) {
    const v = value as { op: number; title?: string };
    return <>{v.title ?? t("changes.made_by", { n: v.op })}</>;
  }
  return <Value kind={kind} name={name} value={value} />;
}
