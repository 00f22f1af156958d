import { Alert, Button, Form, Input } from "antd";
import { useEffect, useRef, useState } from "react";
import type { Field, Kind, Rec } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { ConflictView } from "./ConflictView";
import { FieldInput } from "./FieldInput";
import { useRecordForm } from "./useRecordForm";

interface Props {
  kind: Kind;
  rec: Rec | null;
  onSaved: (rec: Rec) => void;
  onCancel: () => void;
}

export function RecordForm({ kind, rec, onSaved, onCancel }: Props) {
  const { t, fmt } = useI18n();
  const form = useRecordForm(kind, rec, t("form.need"));
  const [reason, setReason] = useState("");
  const box = useRef<HTMLFormElement>(null);
  const wrong = Object.values(form.errors.fields).filter((e) => e.length).length;

  // The first field with a mistake gets the focus, so that nobody has to look for it.
  useEffect(() => {
    if (wrong) box.current?.querySelector<HTMLElement>(".ant-form-item-has-error input, .ant-form-item-has-error textarea")?.focus();
  }, [wrong]);

  const submit = async () => {
    const done = await form.save(reason.trim());
    if (done) onSaved(done);
  };

  return (
    <form
      ref={box}
      className="record-form"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      {form.draftAt && (
        <Alert
          type="info"
          showIcon
          message={t("form.draft", { at: fmt.time(form.draftAt) })}
          action={<Button onClick={form.discard}>{t("form.discard")}</Button>}
        />
      )}
      {(wrong > 0 || form.errors.rest.length > 0) && (
        <Alert
          type="error"
          showIcon
          role="alert"
          message={wrong ? t("form.wrong", { n: wrong }) : t("form.refused")}
          description={form.errors.rest.length ? form.errors.rest.map((e, i) => <p key={i}>{e}</p>) : undefined}
        />
      )}
      {form.error ? <ProblemView error={form.error} /> : null}
      <Form component={false} layout="vertical">
        <div className="fields">
          {kind.fields.map((f, i) => (
            <Row key={f.name} field={f} first={i === 0 && !rec} value={form.values[f.name]} errors={form.errors.fields[f.name]} onChange={(v) => form.set(f.name, v)} />
          ))}
        </div>
        <Form.Item label={t("reason.label")} htmlFor="form-reason" extra={t("reason.help")}>
          <Input id="form-reason" value={reason} maxLength={1000} onChange={(e) => setReason(e.target.value)} />
        </Form.Item>
      </Form>
      <div className="actions">
        <Button type="primary" htmlType="submit" loading={form.busy} disabled={!!rec && !form.dirty}>
          {rec ? t("form.save") : t("form.create")}
        </Button>
        <Button onClick={onCancel}>{t("form.cancel")}</Button>
        {form.dirty && <span className="quiet">{t("form.kept")}</span>}
      </div>
      {form.theirs && (
        <ConflictView
          kind={kind}
          base={form.base}
          mine={form.values}
          theirs={form.theirs}
          busy={form.busy}
          onClose={form.closeConflict}
          onSave={async (merged, base, rev) => {
            form.closeConflict();
            const done = await form.save(reason.trim(), { values: merged, base, rev });
            if (done) onSaved(done);
          }}
        />
      )}
    </form>
  );
}

interface RowProps {
  field: Field;
  first: boolean;
  value: unknown;
  errors: string[] | undefined;
  onChange: (v: unknown) => void;
}

const WIDE = new Set(["markdown", "json"]);

function Row({ field, first, value, errors, onChange }: RowProps) {
  const { t, label } = useI18n();
  const id = `field-${field.name}`;
  const filled = typeof field.default === "string" && field.default.includes("{");
  const help = [label(field.help), filled ? t("form.filled") : ""].filter(Boolean).join(" ");
  return (
    <Form.Item
      className={WIDE.has(field.type) ? "wide" : undefined}
      htmlFor={id}
      required={field.required}
      label={
        <span>
          {label(field.label)} {field.personal && <span className="quiet">{t("record.personal")}</span>} <ClauseTags ids={field.clauses} />
        </span>
      }
      extra={help || undefined}
      validateStatus={errors?.length ? "error" : undefined}
      help={errors?.length ? errors.join(" ") : undefined}
    >
      <FieldInput field={field} id={id} value={value} onChange={onChange} autoFocus={first} />
    </Form.Item>
  );
}
