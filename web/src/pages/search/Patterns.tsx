// Kinds of lines: how many there were, and how many in the same span a day before.
import { Button, Segmented, Spin, Table } from "antd";
import type { PatternRow } from "../../api/events";
import { EmptyState } from "../../components/EmptyState";
import { RunBar } from "../../components/RunBar";
import { useI18n } from "../../i18n";
import { changeOf } from "../../lib/change";
import { timesOf, withTimes } from "../../lib/querytext";
import type { PatternsState } from "./usePatterns";

export type PatternOrder = "count" | "change";

interface Props {
  patterns: PatternsState;
  query: string;
  order: PatternOrder;
  onOrder: (order: PatternOrder) => void;
  onLines: (q: string) => void;
}

/** How many kinds there are, and in how much. */
export function PatternsAnswerLine({ patterns }: { patterns: PatternsState }) {
  const { t, fmt } = useI18n();
  const a = patterns.answer;
  if (patterns.error) return null;
  if (!a) return <>{t("search.waiting")}</>;
  return (
    <>
      {t("patterns.sum", { kinds: a.kinds, n: a.total, before: fmt.number(a.total_before), from: fmt.time(a.from), to: fmt.time(a.to) })}
      {a.stats.timed_out && <span className="mark warn"> {t("search.timed_out")}</span>}
      {a.stats.cancelled && <span className="mark warn"> {t("search.cancelled")}</span>}
    </>
  );
}

export function Patterns({ patterns, query, order, onOrder, onLines }: Props) {
  const { t } = useI18n();
  const a = patterns.answer;
  /** The kind's own words and the time range; other words of the query found these lines already. */
  const open = (r: PatternRow) => {
    const { since, until } = timesOf(query);
    onLines(withTimes(r.query, since, until));
  };
  if (patterns.error) return null;
  return (
    <>
      <RunBar run={patterns.run} onStop={patterns.stop} />
      <div className="filters">
        <span className="quiet">{t("patterns.help")}</span>
        <span className="grow" />
        <Segmented
          aria-label={t("patterns.order")}
          value={order}
          onChange={(v) => onOrder(v as PatternOrder)}
          options={[
            { value: "count", label: t("patterns.by_count") },
            { value: "change", label: t("patterns.by_change") },
          ]}
        />
      </div>
      {!a && <Spin className="page-wait" />}
      {a && (a.rows.length ? <PatternTable rows={a.rows} onOpen={open} /> : <EmptyState what={t("search.nothing")} next={t("search.nothing_do")} />)}
      {a && a.kinds > a.rows.length && <p className="quiet">{t("patterns.more", { n: a.kinds - a.rows.length })}</p>}
      {a && a.other > 0 && <p className="quiet">{t("count.other", { n: a.other })}</p>}
    </>
  );
}

function PatternTable({ rows, onOpen }: { rows: PatternRow[]; onOpen: (r: PatternRow) => void }) {
  const { t, fmt, word } = useI18n();
  const most = Math.max(...rows.map((r) => r.count), 1);
  return (
    <Table
      className="patterns"
      rowKey={(r) => `${r.program}\u0000${r.pattern}`}
      dataSource={rows}
      pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
      columns={[
        {
          key: "count",
          title: t("today.count"),
          width: 130,
          render: (_, r) => (
            <span className="bar-cell">
              <span className="bar-n">{fmt.number(r.count)}</span>
              <span className="bar" style={{ width: `${(100 * r.count) / most}%` }} aria-hidden />
            </span>
          ),
        },
        { key: "change", title: t("patterns.change"), width: 150, render: (_, r) => <Change row={r} /> },
        { key: "program", title: word("log_field", "program"), width: 112, render: (_, r) => <span className="mono cut">{r.program ?? "<*>"}</span> },
        {
          key: "pattern",
          title: t("patterns.pattern"),
          render: (_, r) => (
            <>
              <Button type="text" className="pattern mono" title={t("patterns.open")} onClick={() => onOpen(r)}>
                <Holes text={r.pattern} />
              </Button>
              <div className="mono quiet cut" title={r.example}>
                {r.example}
              </div>
            </>
          ),
        },
      ]}
    />
  );
}

/** The text with its values set back, so that the words stand out. */
function Holes({ text }: { text: string }) {
  const { t } = useI18n();
  if (!text) return <span className="quiet">{t("count.empty")}</span>;
  return (
    <>
      {text.split("<*>").map((part, i) => (
        <span key={i}>
          {i > 0 && <span className="hole">*</span>}
          {part}
        </span>
      ))}
    </>
  );
}

function Change({ row }: { row: PatternRow }) {
  const { t, fmt } = useI18n();
  const c = changeOf(row.count, row.before);
  if (c.kind === "same") return <span className="quiet">{t("patterns.same")}</span>;
  if (c.kind === "new") return <span className="fresh">{t("patterns.new")}</span>;
  if (c.kind === "gone") return <span>{t("patterns.gone", { n: row.before })}</span>;
  const sign = c.kind === "up" ? "+" : "−";
  return (
    <span title={t("patterns.was", { n: row.before })}>
      {sign}
      {fmt.number(c.by)}
      {c.percent !== null && <span className="quiet"> ({`${sign}${fmt.number(c.percent)} %`})</span>}
    </span>
  );
}
