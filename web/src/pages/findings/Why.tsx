import { Timeline } from "antd";
import { Link } from "react-router-dom";
import type { FindingDetail } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { Panel } from "../../components/Page";
import { FindingState } from "../../components/States";
import { useI18n } from "../../i18n";
import { clausePath } from "../../lib/paths";

export function Why({ why }: { why: FindingDetail["why"] }) {
  const { t, label } = useI18n();
  return (
    <div className="pair">
      <Panel title={t("finding.why")}>
        {why.clauses.map((c) => (
          <div key={c.id} className="law">
            <Link to={clausePath(c.id)} className="clause">
              {c.id}
            </Link>{" "}
            <strong>{label(c.title)}</strong>
            <p>{label(c.text)}</p>
          </div>
        ))}
      </Panel>
      <Panel title={t("finding.remedy")}>
        <p>{label(why.remedy) || label(why.control?.remedy) || t("finding.no_remedy")}</p>
        {why.rule && (
          <details>
            <summary>{t("finding.rule")}</summary>
            <pre className="code">{why.rule}</pre>
          </details>
        )}
      </Panel>
    </div>
  );
}

export function FindingHistory({ rows }: { rows: FindingDetail["history"] }) {
  const { t, fmt } = useI18n();
  return (
    <Panel title={t("finding.history")}>
      {rows.length === 0 ? (
        <EmptyState what={t("finding.no_history")} />
      ) : (
        <Timeline
          items={rows.map((h) => ({
            children: (
              <>
                <FindingState value={h.state} /> <time dateTime={h.at}>{fmt.time(h.at)}</time> · {h.by || t("finding.by_check")}
                {h.note && <div>{h.note}</div>}
              </>
            ),
          }))}
        />
      )}
    </Panel>
  );
}
