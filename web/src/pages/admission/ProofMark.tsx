// What the newest inspection says: its verdict, and until when it holds.
import { CheckCircleFilled, CloseCircleFilled, FieldTimeOutlined, MinusCircleOutlined } from "@ant-design/icons";
import dayjs from "dayjs";
import type { Rec } from "../../api/registry";
import { useI18n } from "../../i18n";
import { lapsed, type Desk } from "../../lib/admission";

export function ProofMark({ desk, proof }: { desk: Desk; proof: Rec | undefined }) {
  const { t, label, fmt } = useI18n();
  if (!proof) {
    return (
      <span className="mark calm">
        <MinusCircleOutlined aria-hidden /> {t("admission.no_proof")}
      </span>
    );
  }
  const verdict = proof[desk.use.verdict];
  const word = label(desk.proof.fields.find((f) => f.name === desk.use.verdict)?.values?.find((v) => v.value === verdict)?.label) || String(verdict);
  const past = lapsed(desk, proof, dayjs().format("YYYY-MM-DD"));
  const until = desk.inDate.map((name) => proof[name]).find((d): d is string => typeof d === "string");
  if (verdict !== desk.use.pass) {
    return (
      <span className="mark bad">
        <CloseCircleFilled aria-hidden /> {word}
      </span>
    );
  }
  if (past) {
    return (
      <span className="mark bad">
        <FieldTimeOutlined aria-hidden /> {t("admission.lapsed", { verdict: word, date: fmt.date(past) })}
      </span>
    );
  }
  return (
    <span className="mark good">
      <CheckCircleFilled aria-hidden /> {until ? t("admission.until", { verdict: word, date: fmt.date(until) }) : word}
    </span>
  );
}
