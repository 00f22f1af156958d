import type { Duty } from "../api/judged";
import { useI18n } from "../i18n";

const TONE: Record<string, string> = { late: "bad strong", due: "bad", soon: "warn", done: "good" };

export function DaysLeft({ duty }: { duty: Duty }) {
  const { t, word } = useI18n();
  const n = duty.days_left;
  let text: string;
  if (duty.state === "done") text = word("duty_state", "done");
  else if (n < 0) text = t("duty.days_late", { n: -n });
  else if (n === 0) text = t("duty.today");
  else text = t("duty.days_left", { n });
  return <span className={`mark ${TONE[duty.state] ?? "calm"}`}>{text}</span>;
}
