import { PauseCircleOutlined, PlayCircleOutlined, WarningFilled } from "@ant-design/icons";
import { Button } from "antd";
import { EmptyState } from "../../components/EmptyState";
import { useI18n } from "../../i18n";
import type { LineColumn } from "../../lib/linecols";
import { withTerm } from "../../lib/querytext";
import { LineTable } from "./LineTable";
import { useTail } from "./useTail";

export function TailPanel({ query, columns, onQuery }: { query: string; columns: LineColumn[]; onQuery: (q: string) => void }) {
  const { t } = useI18n();
  const tail = useTail(query);
  return (
    <>
      <div className="filters" role="status">
        <Button type="primary" icon={tail.paused ? <PlayCircleOutlined aria-hidden /> : <PauseCircleOutlined aria-hidden />} onClick={tail.flip}>
          {tail.paused ? t("tail.resume") : t("tail.pause")}
        </Button>
        <span>
          {tail.paused
            ? t("tail.waiting", { n: tail.waiting })
            : tail.connected
              ? t("tail.running", { n: tail.lines.length })
              : t("tail.connecting")}
        </span>
        {tail.lost > 0 && (
          <span className="mark warn">
            <WarningFilled aria-hidden /> {t("tail.lost", { n: tail.lost })}
          </span>
        )}
      </div>
      {tail.lines.length ? (
        <LineTable items={tail.lines} columns={columns} onTerm={(f, v, no) => onQuery(withTerm(query, f, v, no))} />
      ) : (
        <EmptyState what={t("tail.nothing")} next={t("tail.nothing_do")} />
      )}
    </>
  );
}
