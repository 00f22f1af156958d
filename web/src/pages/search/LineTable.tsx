// Log lines, newest first. A plain table: hundreds of rows a second must stay light.
import { CaretDownOutlined, CaretRightOutlined } from "@ant-design/icons";
import { memo, useState } from "react";
import type { LogEvent } from "../../api/events";
import { LogSeverity } from "../../components/Severity";
import { useI18n } from "../../i18n";
import { visible } from "../../lib/bytes";
import { LINE_DEFAULT, type LineColumn } from "../../lib/linecols";
import { LineDetail } from "./LineDetail";

interface Props {
  items: LogEvent[];
  mark?: number | null;
  columns?: LineColumn[];
  onTerm?: (field: string, value: string, negate?: boolean) => void;
}

export function LineTable({ items, mark, columns = LINE_DEFAULT, onTerm }: Props) {
  const { t, word } = useI18n();
  return (
    <div className="scroll-x">
      <table className="lines">
        <thead>
          <tr>
            <th scope="col" className="w-open">
              <span className="sr">{t("line.open")}</span>
            </th>
            <th scope="col" className="w-time">{t("line.received")}</th>
            {columns.map((c) => (
              <th key={c} scope="col" className={`w-${c}`}>
                {word("log_field", c)}
              </th>
            ))}
            <th scope="col">{t("line.message")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((e) => (
            <Row key={e.seq} e={e} marked={e.seq === mark} columns={columns} onTerm={onTerm} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ e, column }: { e: LogEvent; column: LineColumn }) {
  const { fmt } = useI18n();
  if (column === "severity")
    return (
      <td>
        <LogSeverity value={e.severity} />
      </td>
    );
  const text = column === "event_at" ? fmt.time(e.event_at) : String(e[column] ?? "");
  return (
    <td className="mono cut" title={text || undefined}>
      {text}
      {column === "host" && e.relay && <span className="quiet"> · {e.relay}</span>}
    </td>
  );
}

const Row = memo(function Row({ e, marked, columns, onTerm }: { e: LogEvent; marked: boolean; columns: LineColumn[]; onTerm?: Props["onTerm"] }) {
  const { t, fmt } = useI18n();
  const [open, setOpen] = useState(marked);
  return (
    <>
      <tr className={marked ? "marked" : undefined} ref={marked ? (el) => el?.scrollIntoView?.({ block: "center" }) : undefined}>
        <td>
          <button type="button" className="opener" aria-expanded={open} aria-label={t("line.open_one", { seq: String(e.seq) })} onClick={() => setOpen(!open)}>
            {open ? <CaretDownOutlined aria-hidden /> : <CaretRightOutlined aria-hidden />}
          </button>
        </td>
        <td className="mono nowrap">{fmt.time(e.received_at)}</td>
        {columns.map((c) => (
          <Cell key={c} e={e} column={c} />
        ))}
        <td className="mono msg">{visible(e.msg.trim())}</td>
      </tr>
      {open && (
        <tr className="line-open">
          <td colSpan={columns.length + 3}>
            <LineDetail e={e} onTerm={onTerm} />
          </td>
        </tr>
      )}
    </>
  );
});
