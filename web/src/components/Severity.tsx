// Severity by word, shape and colour. Red is for what needs a person now.
import { CloseCircleFilled, ExclamationCircleOutlined, InfoCircleOutlined, WarningFilled } from "@ant-design/icons";
import type { IconType } from "./icon";
import { useI18n } from "../i18n";

export const SEVERITIES = ["critical", "high", "medium", "low"] as const;

const LOOK: Record<string, { icon: IconType; tone: string }> = {
  critical: { icon: CloseCircleFilled, tone: "bad strong" },
  high: { icon: WarningFilled, tone: "bad" },
  medium: { icon: ExclamationCircleOutlined, tone: "warn" },
  low: { icon: InfoCircleOutlined, tone: "calm" },
};

export function Severity({ value }: { value: string }) {
  const { word } = useI18n();
  const look = LOOK[value] ?? { icon: InfoCircleOutlined, tone: "calm" };
  const Icon = look.icon;
  return (
    <span className={`mark ${look.tone}`}>
      <Icon aria-hidden /> {word("severity", value)}
    </span>
  );
}

const LOG_TONE: Record<string, string> = {
  emerg: "bad strong",
  alert: "bad strong",
  crit: "bad strong",
  err: "bad",
  warning: "warn",
  notice: "plain",
  info: "calm",
  debug: "calm",
};

/** Severity of a log line; the word stands as syslog knows it, its meaning in the tooltip. */
export function LogSeverity({ value }: { value: string }) {
  const { word } = useI18n();
  return (
    <span className={`mark ${LOG_TONE[value] ?? "calm"}`} title={word("syslog", value)}>
      {value}
    </span>
  );
}
