import { Input, Radio } from "antd";
import type { Checklist } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { useI18n } from "../../i18n";
import { answerOf } from "../../lib/admission";

const ANSWERS = ["yes", "no", "na"];

interface Props {
  id: string;
  questions: Checklist["questions"];
  value: unknown;
  onChange: (v: Record<string, unknown>) => void;
}

/** The questions that are asked, each with its answer and room for a note. Nothing is answered beforehand. */
export function AnswersInput({ id, questions, value, onChange }: Props) {
  const { t, label, word } = useI18n();
  const put = (name: string, answer: string, note: string) => {
    const rest = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    onChange({ ...rest, [name]: note ? { answer, note } : answer });
  };
  return (
    <div id={id} role="group" className="questions">
      {questions.map((q) => {
        const a = answerOf(value, q.name);
        return (
          <div key={q.name} className="question">
            <span id={`${id}-${q.name}`}>
              {label(q.label)} <ClauseTags ids={q.clauses} />
            </span>
            <Radio.Group
              aria-labelledby={`${id}-${q.name}`}
              name={`${id}-${q.name}`}
              value={a.answer}
              onChange={(e) => put(q.name, e.target.value as string, a.note)}
              options={ANSWERS.map((v) => ({ value: v, label: word("answer", v) }))}
            />
            {a.answer && (
              <Input
                aria-label={t("admission.note", { what: label(q.label) })}
                placeholder={t("admission.note_short")}
                maxLength={500}
                value={a.note}
                onChange={(e) => put(q.name, a.answer, e.target.value)}
              />
            )}
          </div>
        );
      })}
    </div>
  );
}
