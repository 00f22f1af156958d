// Every step from where the record stands: who takes it, what it asks for, and, of a step that the
// reader may take, what is still missing. That is not guessed: the server judges the write and takes it back.
import { CheckOutlined, RightOutlined, WarningFilled } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { orPropose } from "../../api/changes";
import { ApiError } from "../../api/client";
import { patchRecord, planPatch, type Rec, type Transition } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { Panel } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { ReasonModal } from "../../components/ReasonModal";
import { useSession } from "../../hooks/session";
import { fieldOf } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import type { Desk } from "../../lib/admission";
import { datesInText } from "../../lib/format";
import { transitionsFrom } from "../registry/LifeCycle";
import { StepEffect } from "../registry/StepEffect";

export function StepList({ desk, rec }: { desk: Desk; rec: Rec }) {
  const { t } = useI18n();
  const { session } = useSession();
  const way = [...desk.waiting, desk.goal];
  const next = way[way.indexOf(rec.state ?? "") + 1];
  // The step that leads on comes first.
  const steps = transitionsFrom(desk.kind, rec.state, ["admin"]).sort((a, b) => Number(b.to === next) - Number(a.to === next));
  const mine = transitionsFrom(desk.kind, rec.state, session?.roles ?? []);
  return (
    <Panel title={t("admission.steps")}>
      {steps.length ? (
        <ul className="rows">
          {steps.map((x) => (
            <Step key={x.name} desk={desk} rec={rec} step={x} onward={x.to === next} may={mine.includes(x)} />
          ))}
        </ul>
      ) : (
        <p className="quiet">{t("admission.no_steps")}</p>
      )}
    </Panel>
  );
}

interface StepProps {
  desk: Desk;
  rec: Rec;
  step: Transition;
  onward: boolean;
  may: boolean;
}

function Step({ desk, rec, step, onward, may }: StepProps) {
  const { t, word, label } = useI18n();
  const client = useQueryClient();
  const go = useNavigate();
  const [asking, setAsking] = useState(false);
  const plan = useQuery({
    queryKey: ["desk", "plan", desk.kind.name, String(rec.id), rec.rev, step.to],
    // What stands in the way is the answer here, and no failure.
    queryFn: () => planPatch(desk.kind.name, rec.id, rec.rev, { state: step.to }).then(
      () => null,
      (e: unknown) => {
        if (e instanceof ApiError && e.status === 422) return e.problem;
        throw e;
      },
    ),
    enabled: may && onward,
    staleTime: 0,
  });
  const state = (s: string | null | undefined) => label(desk.kind.states?.find((x) => x.value === s)?.label) || s || "";
  const title = `${label(step.label)}: ${rec.title || rec.key}`;
  const missing = plan.data?.errors?.length ? plan.data.errors.map((e) => e.detail) : plan.data ? [plan.data.detail ?? plan.data.title] : [];
  return (
    <li className="desk-step" data-step={step.name}>
      <div className="desk-step-head">
        {may ? (
          <Button type={onward ? "primary" : "default"} icon={<RightOutlined aria-hidden />} disabled={onward && missing.length > 0} onClick={() => setAsking(true)}>
            {label(step.label)}
          </Button>
        ) : (
          <strong>{label(step.label)}</strong>
        )}
        <span className="quiet">
          {t("admission.leads", { to: state(step.to), who: (step.roles ?? []).map((r) => word("role", r)).join(", ") })}
        </span>
        <ClauseTags ids={step.clauses} />
      </div>
      {onward && <Asks desk={desk} step={step} />}
      {onward && !may && <p className="quiet">{t("admission.not_yours")}</p>}
      {plan.isError && <ProblemView error={plan.error} retry={() => void plan.refetch()} />}
      {missing.map((m) => (
        <p key={m} className="mark bad missing">
          <WarningFilled aria-hidden /> {datesInText(m)}
        </p>
      ))}
      {plan.data === null && (
        <p className="mark good">
          <CheckOutlined aria-hidden /> {t("admission.ready")}
        </p>
      )}
      {asking && (
        <ReasonModal
          title={title}
          effect={t("record.step_effect", { from: state(rec.state), to: state(step.to) })}
          ok={label(step.label)}
          run={async (reason) => {
            const op = { op: "transition", kind: desk.kind.name, target: Number(rec.id), rev: rec.rev, state: step.to };
            const set = await orPropose(() => patchRecord(desk.kind.name, rec.id, rec.rev, { state: step.to }, reason), title, reason, op);
            await client.invalidateQueries();
            if (set) go(`/changes/${set.id}`);
          }}
          onClose={() => setAsking(false)}
        >
          <StepEffect kind={desk.kind} rec={rec} to={step.to} />
        </ReasonModal>
      )}
    </li>
  );
}

/** What the life cycle asks for at this step, with the clauses behind it. */
function Asks({ desk, step }: { desk: Desk; step: Transition }) {
  const { t, label } = useI18n();
  const rules = [
    ...(step.needs ?? []).map((n) => ({ label: label(fieldOf(desk.kind, n)?.label), clauses: fieldOf(desk.kind, n)?.clauses ?? [] })),
    ...(step.attach ?? []).map((a) => ({ label: `${a.kind === desk.proof.name ? label(desk.proof.label) : a.kind}: ${label(a.label)}`, clauses: a.clauses })),
    ...(step.holds ?? []).map((h) => ({ label: label(h.label), clauses: h.clauses })),
  ];
  if (!rules.length) return null;
  return (
    <ul className="asks" aria-label={t("admission.asks")}>
      {rules.map((r) => (
        <li key={r.label}>
          {r.label} <ClauseTags ids={r.clauses} />
        </li>
      ))}
    </ul>
  );
}
