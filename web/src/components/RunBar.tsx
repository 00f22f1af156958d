import { StopOutlined } from "@ant-design/icons";
import { Button, Progress } from "antd";
import { useProgress } from "../hooks/progress";
import { useI18n } from "../i18n";

/** A query that takes its time: how far it is, and a way to end it. What was found until then stays. */
export function RunBar({ run, onStop }: { run: string | null; onStop: () => void }) {
  const { t, fmt } = useI18n();
  const progress = useProgress(run);
  if (!progress) return null;
  const percent = progress.all ? Math.floor((100 * progress.done) / progress.all) : 0;
  return (
    <div className="run-bar" role="status">
      <Progress percent={percent} showInfo={false} aria-label={t("run.progress")} />
      <span className="nowrap">
        {progress.all ? t("run.read", { done: fmt.bytes(progress.done), all: fmt.bytes(progress.all), percent: fmt.number(percent) }) : t("run.begun")}
      </span>
      <Button icon={<StopOutlined aria-hidden />} onClick={onStop}>
        {t("run.stop")}
      </Button>
    </div>
  );
}
