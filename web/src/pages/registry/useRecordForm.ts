// The life of a form: start from a draft or the record, keep a draft, send, meet errors and conflicts.
import { useCallback, useEffect, useMemo, useState } from "react";
import { useNavigate } from "react-router-dom";
import { createChange } from "../../api/changes";
import { ApiError } from "../../api/client";
import { createRecord, getRecord, patchRecord, type Kind, type Rec } from "../../api/registry";
import { same, type Values } from "../../lib/diff";
import { readDraft, writeDraft } from "../../lib/stored";
import { changeBody, createBody, errorsByField, fieldValues, missing, startValues } from "./formvalues";
import type { ProblemFields } from "./formtypes";

interface Draft {
  values: Values;
  base: Values;
  rev: number;
  at: string;
}

const NO_ERRORS: ProblemFields = { fields: {}, rest: [] };

export interface RecordForm {
  values: Values;
  set: (name: string, value: unknown) => void;
  base: Values;
  dirty: boolean;
  draftAt: string | null;
  discard: () => void;
  errors: ProblemFields;
  error: unknown;
  busy: boolean;
  /** Somebody else's newer record, when the save met it. */
  theirs: Rec | null;
  closeConflict: () => void;
  save: (reason: string, over?: { values: Values; base: Values; rev: number }) => Promise<Rec | null>;
}

export function useRecordForm(kind: Kind, rec: Rec | null, needText: string): RecordForm {
  const draftName = `${kind.name}.${rec ? rec.id : "new"}`;
  const start = useMemo(() => (rec ? fieldValues(kind, rec) : startValues(kind)), [kind, rec]);
  const [draft] = useState(() => readDraft<Draft>(draftName));
  const [values, setValues] = useState<Values>(draft?.values ?? start);
  const [base, setBase] = useState<Values>(draft?.base ?? start);
  const [rev, setRev] = useState(draft?.rev ?? rec?.rev ?? 0);
  const [draftAt, setDraftAt] = useState(draft?.at ?? null);
  const [errors, setErrors] = useState<ProblemFields>(NO_ERRORS);
  const [error, setError] = useState<unknown>(null);
  const go = useNavigate();
  const [busy, setBusy] = useState(false);
  const [theirs, setTheirs] = useState<Rec | null>(null);

  const dirty = Object.keys({ ...base, ...values }).some((n) => !same(base[n], values[n]));
  useEffect(() => {
    if (dirty) writeDraft(draftName, { values, base, rev, at: new Date().toISOString() } satisfies Draft);
    else writeDraft(draftName, null);
  }, [draftName, dirty, values, base, rev]);

  const set = useCallback((name: string, value: unknown) => {
    setValues((old) => ({ ...old, [name]: value }));
    setErrors((old) => ({ ...old, fields: { ...old.fields, [name]: [] } }));
  }, []);

  const discard = () => {
    setValues(start);
    setBase(start);
    setRev(rec?.rev ?? 0);
    setDraftAt(null);
    setErrors(NO_ERRORS);
    setError(null);
  };

  const fail = async (e: unknown) => {
    if (e instanceof ApiError && e.status === 412 && rec) {
      setTheirs(await getRecord(kind.name, rec.id));
    } else if (e instanceof ApiError && e.problem.errors?.length) {
      setErrors(errorsByField(kind, e.problem.errors));
      setError(e.problem.errors.length ? null : e);
    } else {
      setError(e);
    }
  };

  const save: RecordForm["save"] = async (reason, over) => {
    const v = over?.values ?? values;
    setError(null);
    const gaps = missing(kind, v);
    setErrors({ fields: Object.fromEntries(gaps.map((g) => [g, [needText]])), rest: [] });
    if (gaps.length) return null;
    setBusy(true);
    try {
      const done = rec
        ? await patchRecord(kind.name, rec.id, over?.rev ?? rev, changeBody(kind, over?.base ?? base, v), reason)
        : await createRecord(kind.name, createBody(kind, v), reason);
      writeDraft(draftName, null);
      return done;
    } catch (e) {
      if (over) setValues(v);
      if (rec && e instanceof ApiError && e.problem.type === "urn:luy:registry.needs_approval") {
        const fields = changeBody(kind, over?.base ?? base, v);
        const op = { op: "change", kind: kind.name, target: Number(rec.id), rev: over?.rev ?? rev, fields };
        const set = await createChange(rec.title || rec.key, reason, [op]).catch(fail);
        if (set) {
          writeDraft(draftName, null);
          go(`/changes/${set.id}`);
        }
        return null;
      }
      await fail(e).catch(setError);
      return null;
    } finally {
      setBusy(false);
    }
  };

  return { values, set, base, dirty, draftAt, discard, errors, error, busy, theirs, closeConflict: () => setTheirs(null), save };
}
