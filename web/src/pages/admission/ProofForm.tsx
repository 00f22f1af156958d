// Records an inspection of one record: the kind's own fields, and its checklist as questions.
import { useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Form } from "antd";
import dayjs from "dayjs";
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { createRecord, type Rec } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { asked, type Desk } from "../../lib/admission";
import type { Values } from "../../lib/diff";
import { FieldInput } from "../registry/FieldInput";
import type { ProblemFields } from "../registry/formtypes";
import { createBody, errorsByField, missing, startValues } from "../registry/formvalues";
import { AnswersInput } from "./AnswersInput";

const FINE: ProblemFields = { fields: {}, rest: [] };

export function ProofForm({ desk, rec, onDone }: { desk: Desk; rec: Rec; onDone: () => void }) {
  const { t, label } = useI18n();
  const client = useQueryClient();
  const box = useRef<HTMLFormElement>(null);
  const [values, setValues] = useState<Values>(() => firstValues(desk, rec));
  const [errors, setErrors] = useState<ProblemFields>(FINE);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const wrong = Object.keys(errors.fields).length;
  useEffect(() => {
    if (wrong) box.current?.querySelector<HTMLElement>(".ant-form-item:has(.wrong) input")?.focus();
  }, [wrong, errors]);

  const save = async () => {
    setError(null);
    const gaps = missing(desk.proof, values);
    setErrors({ fields: Object.fromEntries(gaps.map((g) => [g, [t("form.need")]])), rest: [] });
    if (gaps.length) return;
    setBusy(true);
    try {
      await createRecord(desk.proof.name, createBody(desk.proof, values));
      await client.invalidateQueries();
      onDone();
    } catch (e) {
      if (e instanceof ApiError && e.problem.errors?.length) setErrors(errorsByField(desk.proof, e.problem.errors));
      else setError(e);
    } finally {
      setBusy(false);
    }
  };

  const set = (name: string, v: unknown) => setValues((old) => ({ ...old, [name]: v }));
  return (
    <form
      ref={box}
      className="proof-form"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      {errors.rest.length > 0 && <Alert type="error" showIcon role="alert" message={t("form.refused")} description={errors.rest.join(" ")} />}
      {error ? <ProblemView error={error} /> : null}
      <Form component={false} layout="vertical">
        {desk.proof.fields
          .filter((f) => f.name !== desk.use.by && f.name !== desk.proof.key)
          .map((f) => {
            const wrongs = errors.fields[f.name];
            const id = `proof-${f.name}`;
            return (
              <Form.Item
                key={f.name}
                htmlFor={id}
                required={f.required}
                label={
                  <span>
                    {label(f.label)} <ClauseTags ids={f.clauses} />
                  </span>
                }
                validateStatus={wrongs?.length && f.name !== desk.answers.name ? "error" : undefined}
                help={wrongs?.length ? wrongs.map((w) => <div key={w} className="mark bad wrong">{w}</div>) : undefined}
              >
                {f.name === desk.answers.name ? (
                  <AnswersInput id={id} questions={asked(desk.list, rec[desk.use.of])} value={values[f.name]} onChange={(v) => set(f.name, v)} />
                ) : (
                  <FieldInput field={f} id={id} value={values[f.name]} onChange={(v) => set(f.name, v)} />
                )}
              </Form.Item>
            );
          })}
      </Form>
      <div className="actions">
        <Button type="primary" htmlType="submit" loading={busy}>
          {t("admission.save")}
        </Button>
        <Button onClick={onDone}>{t("form.cancel")}</Button>
      </div>
    </form>
  );
}

/**
 * Its defaults, the record it is about, and today for the first date that has to be said. The answers begin
 * as an empty list, so that a question that nobody answered is told by the server and not passed over.
 */
function firstValues(desk: Desk, rec: Rec): Values {
  const day = desk.proof.fields.find((f) => f.type === "date" && f.required);
  const questions = asked(desk.list, rec[desk.use.of]);
  return {
    ...startValues(desk.proof),
    ...(questions.length ? { [desk.answers.name]: {} } : {}),
    [desk.use.by]: { id: rec.id, key: rec.key, title: rec.title },
    ...(day ? { [day.name]: dayjs().format("YYYY-MM-DD") } : {}),
  };
}
