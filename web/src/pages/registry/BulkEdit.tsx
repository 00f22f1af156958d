// Many records, one patch: becomes a draft change set, so that it is seen before it is done.
import { App, Button, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { bulkDraft, type Kind, type Rec } from "../../api/registry";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { FieldInput } from "./FieldInput";
import { toApi } from "./formvalues";

const STATE = "state";

export function BulkEdit({ kind, picked }: { kind: Kind; picked: Rec[] }) {
  const { t, label } = useI18n();
  const [open, setOpen] = useState(false);
  if (!picked.length) return null;
  return (
    <div className="filters" role="status">
      <span>{t("registry.picked", { n: picked.length })}</span>
      <Button onClick={() => setOpen(true)}>{t("bulk.do")}</Button>
      {open && <BulkModal kind={kind} picked={picked} title={`${label(kind.label)}: ${t("bulk.do").toLocaleLowerCase()}`} onClose={() => setOpen(false)} />}
    </div>
  );
}

function BulkModal({ kind, picked, title, onClose }: { kind: Kind; picked: Rec[]; title: string; onClose: () => void }) {
  const { t, label } = useI18n();
  const { message } = App.useApp();
  const go = useNavigate();
  const [name, setName] = useState(title);
  const [what, setWhat] = useState("");
  const [value, setValue] = useState<unknown>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const field = kind.fields.find((f) => f.name === what);
  const states = kind.states ?? [];

  const make = async () => {
    setBusy(true);
    setError(null);
    try {
      const patch = field ? { fields: { [field.name]: toApi(field, value) } } : { state: String(value) };
      const set = await bulkDraft(kind.name, new URLSearchParams({ id__in: picked.map((r) => r.id).join(",") }), { title: name.trim(), ...patch });
      void message.success(t("bulk.make"));
      go(`/changes/${set.id}`);
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };

  return (
    <Modal open title={t("bulk.title", { n: picked.length })} okText={t("bulk.make")} onOk={() => void make()} onCancel={onClose} confirmLoading={busy} okButtonProps={{ disabled: !what || (!field && !value) }}>
      <p className="quiet">{t("bulk.help")}</p>
      {error ? <ProblemView error={error} /> : null}
      <Form layout="vertical" component={false}>
        <Form.Item label={t("bulk.field")} htmlFor="bulk-field">
          <Select
            id="bulk-field"
            showSearch
            optionFilterProp="label"
            value={what || undefined}
            onChange={(v: string) => {
              setWhat(v);
              setValue(null);
            }}
            options={[
              ...kind.fields.filter((f) => f.name !== kind.key && !f.unique).map((f) => ({ value: f.name, label: label(f.label) })),
              ...(states.length > 1 ? [{ value: STATE, label: t("field.state") }] : []),
            ]}
          />
        </Form.Item>
        {what && (
          <Form.Item label={t("bulk.value")} htmlFor="bulk-value">
            {field ? (
              <FieldInput field={field} id="bulk-value" value={value} onChange={setValue} />
            ) : (
              <Select id="bulk-value" value={(value as string) ?? undefined} onChange={setValue} options={states.map((s) => ({ value: s.value, label: label(s.label) }))} />
            )}
          </Form.Item>
        )}
        <Form.Item label={t("bulk.name")} htmlFor="bulk-name">
          <Input id="bulk-name" value={name} maxLength={200} onChange={(e) => setName(e.target.value)} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
