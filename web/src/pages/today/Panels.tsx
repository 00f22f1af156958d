import { CheckCircleFilled, WarningFilled } from "@ant-design/icons";
import { Link } from "react-router-dom";
import type { Duty, Today } from "../../api/judged";
import { ClauseTags } from "../../components/ClauseTags";
import { DaysLeft } from "../../components/DaysLeft";
import { Panel } from "../../components/Page";
import { RefLink } from "../../components/RefLink";
import { CheckState } from "../../components/States";
import { useI18n } from "../../i18n";

const SHOWN = 8;

function Fine({ text }: { text: string }) {
  return (
    <p className="mark good">
      <CheckCircleFilled aria-hidden /> {text}
    </p>
  );
}

/** The same duty of many units is one thing to think of. */
export function groupDuties(duties: Duty[]): { first: Duty; n: number }[] {
  const groups = new Map<string, { first: Duty; n: number }>();
  for (const d of [...duties].filter((x) => x.state !== "done").sort((a, b) => a.due_on.localeCompare(b.due_on))) {
    const key = [d.title.vi, d.period_key, d.due_on, d.state].join("\u0000");
    const group = groups.get(key);
    if (group) group.n += 1;
    else groups.set(key, { first: d, n: 1 });
  }
  return [...groups.values()];
}

export function DutiesPanel({ duties }: { duties: Duty[] }) {
  const { t, label, fmt } = useI18n();
  const rows = groupDuties(duties);
  return (
    <Panel title={t("today.duties")} extra={<Link to="/duties">{t("today.all_duties")}</Link>}>
      {rows.length === 0 && <Fine text={t("today.no_duties")} />}
      <ul className="rows">
        {rows.slice(0, SHOWN).map(({ first: d, n }) => (
          <li key={`${d.id} ${d.period_key}`}>
            <DaysLeft duty={d} /> <span>{label(d.title)}</span>{" "}
            {n > 1 ? (
              <Link to={`/duties?state=${d.state}&q=${encodeURIComponent(label(d.title))}`}>{t("today.units", { n })}</Link>
            ) : (
              d.unit && <RefLink kind="unit" value={d.unit} />
            )}
            <div className="quiet">
              {t("duty.due", { date: fmt.date(d.due_on) })} <ClauseTags ids={d.clauses} />
            </div>
          </li>
        ))}
      </ul>
      {rows.length > SHOWN && <Link to="/duties">{t("today.more", { n: rows.length - SHOWN })}</Link>}
    </Panel>
  );
}

export function SourcesPanel({ sources }: { sources: Today["sources"] }) {
  const { t, fmt } = useI18n();
  return (
    <Panel title={t("today.sources")} extra={<Link to="/system?tab=sources">{t("today.all_sources", { n: sources.total })}</Link>}>
      {sources.silent.length === 0 ? (
        <Fine text={sources.total ? t("today.no_silent") : t("today.no_sources")} />
      ) : (
        <ul className="rows">
          {sources.silent.slice(0, SHOWN).map((s) => (
            <li key={s.name}>
              <span className="mark bad">
                <WarningFilled aria-hidden /> {t("source.silent")}
              </span>{" "}
              {s.name} <RefLink kind="unit" value={s.unit} />
              <div className="quiet">
                {s.last_seen_at ? t("source.last", { at: fmt.time(s.last_seen_at) }) : t("source.never")} ·{" "}
                {t("source.every", { span: fmt.isoSpan(s.expected_every) })}
              </div>
            </li>
          ))}
        </ul>
      )}
      {sources.silent.length > SHOWN && <Link to="/system?tab=sources">{t("today.more", { n: sources.silent.length - SHOWN })}</Link>}
    </Panel>
  );
}

export function DropsPanel({ drops, intake }: { drops: Today["drops"]; intake: Today["intake"] }) {
  const { t, fmt, word } = useI18n();
  const rows = Object.entries(drops.by).filter(([, n]) => n > 0);
  return (
    <Panel title={t("today.drops")}>
      {drops.total === 0 ? (
        <Fine text={t("today.no_drops", { n: intake.received })} />
      ) : (
        <>
          <p className="mark bad">
            <WarningFilled aria-hidden /> {t("today.dropped", { n: drops.total, of: intake.received })}
          </p>
          <ul className="rows">
            {rows.map(([name, n]) => (
              <li key={name}>
                {word("counter", name)}: <strong>{fmt.number(n)}</strong>
              </li>
            ))}
          </ul>
        </>
      )}
      {intake.restarts > 0 && <p className="quiet">{t("today.restarts", { n: intake.restarts })}</p>}
    </Panel>
  );
}

export function ChecksPanel({ checks, coverage }: { checks: Today["checks"]; coverage: Today["coverage"] }) {
  const { t, fmt } = useI18n();
  return (
    <Panel title={t("today.checks")} extra={<Link to="/system?tab=controls">{t("today.all_checks")}</Link>}>
      <ul className="rows inline">
        {(["fail", "unknown", "pass", "not_applicable"] as const).map((s) => (
          <li key={s}>
            <CheckState value={s} /> <strong>{fmt.number(checks[s])}</strong>
          </li>
        ))}
      </ul>
      <p className="quiet">
        {checks.last_run_at ? t("today.checked_at", { at: fmt.time(checks.last_run_at) }) : t("today.never_checked")}
        <br />
        <Link to="/clauses">
          {t("today.coverage", { covered: coverage.covered, clauses: coverage.clauses, percent: fmt.percent(coverage.covered, coverage.clauses) })}
        </Link>
      </p>
    </Panel>
  );
}
