import { PrinterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { useMemo } from "react";
import { Link } from "react-router-dom";
import { getToday, type Finding, type Today } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { FindingTable } from "../../components/FindingTable";
import { Loaded } from "../../components/Loaded";
import { Page, Panel } from "../../components/Page";
import { useLive } from "../../hooks/live";
import { useI18n } from "../../i18n";
import { ByClause, ByUnit } from "./Breakdown";
import { ChecksPanel, DropsPanel, DutiesPanel, SourcesPanel } from "./Panels";
import { SeverityBar } from "./SeverityBar";

const SHOWN = 8;

/** What came over the live stream stands before what the last question gave. */
function useNewest(today: Today | undefined): { items: Finding[]; fresh: Set<string | number> } {
  const { findings } = useLive();
  return useMemo(() => {
    const known = new Set(findings.map((f) => f.id));
    const rest = (today?.findings.newest ?? []).filter((f) => !known.has(f.id));
    const items = [...findings, ...rest].filter((f) => f.state !== "closed").sort((a, b) => b.first_at.localeCompare(a.first_at));
    return { items: items.slice(0, SHOWN), fresh: known };
  }, [findings, today]);
}

export default function TodayPage() {
  const { t, sentence, fmt } = useI18n();
  const query = useQuery({ queryKey: ["today"], queryFn: getToday, refetchInterval: 15000 });
  const newest = useNewest(query.data);
  return (
    <Page
      title={t("today.title")}
      answer={query.data && sentence(query.data.sentence)}
      actions={
        <>
          {query.data && <span className="quiet">{t("today.at", { at: fmt.time(query.data.at) })}</span>}
          <Button icon={<PrinterOutlined aria-hidden />} onClick={() => window.print()}>
            {t("print.do")}
          </Button>
        </>
      }
    >
      <Loaded query={query}>
        {(today) => (
          <>
            <SeverityBar open={today.findings.open} by={today.findings.by_severity} />
            <div className="cols">
              <div className="col-main">
                <Panel title={t("today.newest")} extra={<Link to="/findings">{t("today.all_findings")}</Link>}>
                  {newest.items.length ? (
                    <FindingTable items={newest.items} fresh={newest.fresh} hide={["state", "count", "last"]} />
                  ) : (
                    <EmptyState what={t("today.no_findings")} next={t("today.no_findings_do")} />
                  )}
                </Panel>
                <div className="pair">
                  <ByClause rows={today.findings.by_clause} />
                  <ByUnit rows={today.findings.by_unit} />
                </div>
              </div>
              <div className="col-side">
                <DutiesPanel duties={today.duties} />
                <SourcesPanel sources={today.sources} />
                <DropsPanel drops={today.drops} intake={today.intake} />
                <ChecksPanel checks={today.checks} coverage={today.coverage} />
              </div>
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
