import { Form, Input, Modal } from "antd";
import { useState, type ReactNode } from "react";
import { ProblemView } from "./ProblemView";
import { useI18n } from "../i18n";

interface Props {
  title: ReactNode;
  effect?: ReactNode;
  ok: string;
  danger?: boolean;
  required?: boolean;
  label?: string;
  run: (reason: string) => Promise<unknown>;
  onClose: () => void;
  /** What it would do, below the effect: a table has room. */
  children?: ReactNode;
}

/** Danger is slow: the effect is shown and a reason is asked before anything happens. */
export function ReasonModal({ title, effect, ok, danger, required, label, run, onClose, children }: Props) {
  const { t } = useI18n();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await run(reason.trim());
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      width={children ? 900 : 520}
      title={title}
      okText={ok}
      okButtonProps={{ danger, disabled: required && !reason.trim() }}
      confirmLoading={busy}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      {effect && <p>{effect}</p>}
      {!error && children}
      <Form layout="vertical">
        <Form.Item label={label ?? t("reason.label")} required={required} htmlFor="reason">
          <Input.TextArea id="reason" autoFocus rows={3} maxLength={1000} value={reason} onChange={(e) => setReason(e.target.value)} />
        </Form.Item>
      </Form>
      {error ? <ProblemView error={error} /> : null}
    </Modal>
  );
}
