import { Link } from "react-router-dom";
import type { Rec } from "../../api/registry";
import { useI18n } from "../../i18n";
import { answerOf, asked, type Desk } from "../../lib/admission";
import { recordPath } from "../../lib/paths";
import { columnLabel } from "../registry/labels";
import { Value } from "../registry/Value";
import { ProofMark } from "./ProofMark";

/** An inspection that was recorded: verdict, dates, and the answer to each question. */
export function ProofView({ desk, rec, proof }: { desk: Desk; rec: Rec; proof: Rec }) {
  const i18n = useI18n();
  const { t, word, label } = i18n;
  const questions = asked(desk.list, rec[desk.use.of]);
  const given = proof[desk.answers.name];
  const skip = [desk.use.by, desk.use.verdict, desk.answers.name, desk.proof.key];
  const fields = desk.proof.fields.filter((f) => !skip.includes(f.name) && proof[f.name] !== null && proof[f.name] !== undefined);
  return (
    <li className="proof">
      <Link to={recordPath(desk.proof.name, proof.id)}>{proof.key}</Link> <ProofMark desk={desk} proof={proof} />
      <dl className="data">
        {fields.map((f) => (
          <div key={f.name}>
            <dt>{columnLabel(i18n, desk.proof, f.name)}</dt>
            <dd>
              <Value kind={desk.proof} name={f.name} value={proof[f.name]} id={proof.id} />
            </dd>
          </div>
        ))}
      </dl>
      {given ? (
        <details>
          <summary>{t("admission.answers", { n: questions.filter((q) => answerOf(given, q.name).answer).length, of: questions.length })}</summary>
          <ul className="answers">
            {questions.map((q) => {
              const a = answerOf(given, q.name);
              return (
                <li key={q.name}>
                  <span>{label(q.label)}</span>
                  <strong className={`mark ${a.answer === "no" ? "bad" : a.answer ? "good" : "warn"}`}>{a.answer ? word("answer", a.answer) : t("admission.unanswered")}</strong>
                  {a.note && <span className="quiet">{a.note}</span>}
                </li>
              );
            })}
          </ul>
        </details>
      ) : (
        <p className="mark warn">{t("admission.no_answers")}</p>
      )}
    </li>
  );
}
