// Where the record stands in its life, and the steps that this reader may take next.
import { RightOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { orPropose } from "../../api/changes";
import { patchRecord, type Kind, type Rec, type Transition } from "../../api/registry";
import { ReasonModal } from "../../components/ReasonModal";
import { useSession } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { StepEffect } from "./StepEffect";

export function transitionsFrom(kind: Kind, state: string | null | undefined, roles: string[]): Transition[] {
  return (kind.transitions ?? []).filter(
    (x) =>
      (Array.isArray(x.from) ? x.from.includes(state ?? "") : x.from === state) &&
      (!x.roles?.length || roles.includes("admin") || x.roles.some((r) => roles.includes(r))),
  );
}

export function LifeCycle({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t, label } = useI18n();
  const client = useQueryClient();
  const { session } = useSession();
  const go = useNavigate();
  const [step, setStep] = useState<Transition | null>(null);
  if (!kind.states || kind.states.length < 2) return null;
  const steps = rec.valid_to ? [] : transitionsFrom(kind, rec.state, session?.roles ?? []);
  const word = (state: string) => label(kind.states?.find((s) => s.value === state)?.label) || state;
  return (
    <div className="life">
      <ol aria-label={t("record.life")}>
        {kind.states.map((s) => (
          <li key={s.value} aria-current={s.value === rec.state ? "step" : undefined} className={s.value === rec.state ? "at" : ""}>
            {label(s.label)}
          </li>
        ))}
      </ol>
      {steps.map((x) => (
        <Button key={x.name} icon={<RightOutlined aria-hidden />} onClick={() => setStep(x)}>
          {label(x.label)}
        </Button>
      ))}
      {step && (
        <ReasonModal
          title={`${label(step.label)}: ${rec.title || rec.key}`}
          effect={t("record.step_effect", { from: word(rec.state ?? ""), to: word(step.to) })}
          ok={label(step.label)}
          run={async (reason) => {
            const set = await orPropose(
              () => patchRecord(kind.name, rec.id, rec.rev, { state: step.to }, reason),
              `${label(step.label)}: ${rec.title || rec.key}`,
              reason,
              { op: "transition", kind: kind.name, target: Number(rec.id), rev: rec.rev, state: step.to },
            );
            await client.invalidateQueries();
            if (set) go(`/changes/${set.id}`);
          }}
          onClose={() => setStep(null)}
        >
          <StepEffect kind={kind} rec={rec} to={step.to} />
        </ReasonModal>
      )}
    </div>
  );
}
