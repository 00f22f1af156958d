import { SearchOutlined } from "@ant-design/icons";
import { Link } from "react-router-dom";
import type { Evidence, FindingDetail } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { Panel } from "../../components/Page";
import { useRole, WIDE } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { visible } from "../../lib/bytes";
import { term } from "../../lib/querytext";
import { isoAround } from "../../lib/times";

function text(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The journal around a line of evidence: a minute to each side, narrowed by host where it is known. */
export function evidenceQuery(e: Evidence): string {
  const { since, until } = isoAround(e.at, 60);
  const host = e.data && typeof e.data.host === "string" ? `${term("host", e.data.host)} ` : "";
  const program = e.data && typeof e.data.program === "string" ? `${term("program", e.data.program)} ` : "";
  return `${host}${program}since:${since} until:${until}`;
}

function Row({ e }: { e: Evidence }) {
  const { t, fmt } = useI18n();
  const wide = useRole(...WIDE);
  const data = Object.entries(e.data ?? {}).filter(([k]) => !(e.line && k === "message"));
  return (
    <li className="evidence">
      <div className="evidence-head">
        <time dateTime={e.at}>{fmt.time(e.at)}</time>
        {wide && e.seq !== null && e.seq !== undefined && (
          <Link to={`/search?q=${encodeURIComponent(evidenceQuery(e))}&mark=${e.seq}`}>
            <SearchOutlined aria-hidden /> {t("finding.in_log", { seq: String(e.seq) })}
          </Link>
        )}
      </div>
      {e.line && <pre className="line">{visible(e.line)}</pre>}
      {data.length > 0 && (
        <dl className="data">
          {data.map(([k, v]) => (
            <div key={k}>
              <dt>{k}</dt>
              <dd>{text(v)}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

export function EvidenceList({ finding }: { finding: FindingDetail }) {
  const { t } = useI18n();
  const rows = finding.evidence;
  return (
    <Panel title={t("finding.evidence")}>
      {rows.length === 0 ? (
        <EmptyState what={t("finding.no_evidence")} />
      ) : (
        <ul className="rows">
          {rows.map((e, i) => (
            <Row key={`${e.seq ?? ""} ${i}`} e={e} />
          ))}
        </ul>
      )}
      {finding.count > rows.length && rows.length > 0 && <p className="quiet">{t("finding.more_evidence", { shown: rows.length, n: finding.count })}</p>}
    </Panel>
  );
}
