import { Alert, Form, Input, Modal, Select, Skeleton } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { useQueryClient } from "@tanstack/react-query";
import { stepChange, type ChangeSet, type Plan } from "../../api/changes";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { PlanView } from "./PlanView";
import { bodyOf, formOf } from "./steps";

const DEADLINES = ["", "PT5M", "PT15M", "PT1H", "P1D"];
const WITH_PLAN = new Set(["approve", "apply", "break-glass"]);

interface Props {
  set: ChangeSet;
  step: string;
  plan: Plan | undefined;
  onClose: () => void;
}

/** The effect once more, the reason, and only then the step; nobody approves what has not been shown yet. */
export function StepModal({ set, step, plan, onClose }: Props) {
  const { t, word, fmt } = useI18n();
  const client = useQueryClient();
  const go = useNavigate();
  const [note, setNote] = useState("");
  const [confirm, setConfirm] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const form = formOf(step);
  if (!form) return null;
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const done = await stepChange(set, step, bodyOf(step, note.trim(), plan, confirm));
      await client.invalidateQueries();
      onClose();
      if (done.id !== set.id) go(`/changes/${done.id}`);
    } catch (e) {
      setError(e);
      void client.invalidateQueries({ queryKey: ["changes"] });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      width={WITH_PLAN.has(step) ? 900 : 520}
      title={word("change_step", step)}
      okText={word("change_step", step)}
      okButtonProps={{ danger: form.danger, disabled: (form.reason && !note.trim()) || (step === "approve" && !plan) }}
      confirmLoading={busy}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      {step === "break-glass" ? (
        <Alert type="warning" showIcon message={word("change_effect", step)} />
      ) : (
        <p>{word("change_effect", step)}</p>
      )}
      {WITH_PLAN.has(step) && (plan ? <PlanView plan={plan} /> : <Skeleton active />)}
      <Form layout="vertical">
        {(step === "apply" || step === "break-glass") && (
          <Form.Item label={t("changes.deadline")} htmlFor="deadline">
            <Select
              id="deadline"
              value={confirm}
              onChange={setConfirm}
              options={DEADLINES.map((d) => ({ value: d, label: d ? fmt.isoSpan(d) : t("changes.no_deadline") }))}
            />
          </Form.Item>
        )}
        <Form.Item label={t("reason.label")} required={form.reason} htmlFor="reason">
          <Input.TextArea id="reason" rows={3} maxLength={1000} value={note} onChange={(e) => setNote(e.target.value)} />
        </Form.Item>
      </Form>
      {error ? <ProblemView error={error} /> : null}
    </Modal>
  );
}
