// Log lines, newest first. A plain table: hundreds of rows a second must stay light.
import { CaretDownOutlined, CaretRightOutlined } from "@ant-design/icons";
import { memo, useState } from "react";
import type { LogEvent } from "../../api/events";
import { LogSeverity } from "../../components/Severity";
import { useI18n } from "../../i18n";
import { visible } from "../../lib/bytes";
import { LineDetail } from "./LineDetail";

interface Props {
  items: LogEvent[];
  mark?: number | null;
  onTerm?: (field: string, value: string, negate?: boolean) => void;
}

export function LineTable({ items, mark, onTerm }: Props) {
  const { t } = useI18n();
  return (
    <div className="scroll-x">
      <table className="lines">
        <thead>
          <tr>
            <th scope="col" className="w-open">
              <span className="sr">{t("line.open")}</span>
            </th>
            <th scope="col" className="w-time">{t("line.received")}</th>
            <th scope="col" className="w-severity">{t("line.severity")}</th>
            <th scope="col" className="w-host">{t("line.host")}</th>
            <th scope="col" className="w-program">{t("line.program")}</th>
            <th scope="col">{t("line.message")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((e) => (
            <Row key={e.seq} e={e} marked={e.seq === mark} onTerm={onTerm} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ e, marked, onTerm }: { e: LogEvent; marked: boolean; onTerm?: Props["onTerm"] }) {
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
        <td>
          <LogSeverity value={e.severity} />
        </td>
        <td className="mono cut" title={e.host ?? undefined}>
          {e.host}
        </td>
        <td className="mono cut" title={e.program ?? undefined}>
          {e.program}
        </td>
        <td className="mono msg">{visible(e.msg.trim())}</td>
      </tr>
      {open && (
        <tr className="line-open">
          <td colSpan={6}>
            <LineDetail e={e} onTerm={onTerm} />
          </td>
        </tr>
      )}
    </>
  );
});
