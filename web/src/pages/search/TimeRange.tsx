import { DatePicker, Segmented } from "antd";
import dayjs from "dayjs";
import { useI18n } from "../../i18n";
import { timesOf, withTimes } from "../../lib/querytext";
import { isoSecond } from "../../lib/times";

const SPANS = ["-15m", "-1h", "-24h", "-7d", "-30d"] as const;
const SECONDS: Record<string, number> = { m: 60, h: 3600, d: 86400 };

/** Edits since: and until: of the query; the query stays the only place where the range stands. */
export function TimeRange({ query, onChange }: { query: string; onChange: (q: string) => void }) {
  const { t, fmt } = useI18n();
  const { since, until } = timesOf(query);
  const span = (SPANS as readonly string[]).includes(since ?? "") && !until ? since : since || until ? "other" : "none";
  const at = (text?: string) => (text && !Number.isNaN(Date.parse(text)) ? dayjs(text) : null);
  return (
    <div className="filters">
      <Segmented
        aria-label={t("search.range")}
        value={span}
        onChange={(v) => onChange(v === "none" ? withTimes(query) : v === "other" ? query : withTimes(query, String(v)))}
        options={[
          ...SPANS.map((s) => ({ value: s as string, label: t("search.last", { span: fmt.span(Number(s.slice(1, -1)) * SECONDS[s.slice(-1)]) }) })),
          { value: "none", label: t("search.all_time") },
          { value: "other", label: t("search.own_range"), disabled: span !== "other" },
        ]}
      />
      <DatePicker.RangePicker
        showTime
        allowEmpty
        format="DD/MM/YYYY HH:mm:ss"
        value={[at(since), at(until)]}
        onChange={(r) => onChange(withTimes(query, r?.[0] ? isoSecond(r[0].valueOf()) : undefined, r?.[1] ? isoSecond(r[1].valueOf()) : undefined))}
      />
    </div>
  );
}
