import { Calendar, Modal } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useMemo, useState } from "react";
import type { Duty } from "../../api/judged";
import { DaysLeft } from "../../components/DaysLeft";
import { useI18n } from "../../i18n";
import { DutyTable } from "./DutyTable";

const SHOWN = 3;

export function DutyCalendar({ items }: { items: Duty[] }) {
  const { t, label, fmt } = useI18n();
  const [day, setDay] = useState<string | null>(null);
  const byDay = useMemo(() => {
    const out = new Map<string, Duty[]>();
    for (const d of items) out.set(d.due_on, [...(out.get(d.due_on) ?? []), d]);
    return out;
  }, [items]);
  const byMonth = (m: Dayjs) => items.filter((d) => d.due_on.startsWith(m.format("YYYY-MM")) && d.state !== "done").length;
  const start = items.filter((d) => d.state !== "done").map((d) => d.due_on).sort()[0];

  return (
    <>
      <Calendar
        defaultValue={dayjs(start ?? undefined)}
        onSelect={(d, { source }) => source === "date" && byDay.has(d.format("YYYY-MM-DD")) && setDay(d.format("YYYY-MM-DD"))}
        cellRender={(d, { type, originNode }) => {
          if (type === "month") {
            const n = byMonth(d);
            return n ? t("duty.n_due", { n }) : null;
          }
          if (type !== "date") return originNode;
          const own = byDay.get(d.format("YYYY-MM-DD")) ?? [];
          return (
            <ul className="day">
              {own.slice(0, SHOWN).map((x, i) => (
                <li key={i} title={`${label(x.title)} ${x.unit?.title ?? ""}`}>
                  <DaysLeft duty={x} /> {label(x.title)}
                </li>
              ))}
              {own.length > SHOWN && <li className="quiet">{t("today.more", { n: own.length - SHOWN })}</li>}
            </ul>
          );
        }}
      />
      <Modal open={day !== null} width={1100} footer={null} onCancel={() => setDay(null)} title={t("duty.on_day", { date: fmt.date(day) })}>
        {day && <DutyTable items={byDay.get(day) ?? []} />}
      </Modal>
    </>
  );
}
