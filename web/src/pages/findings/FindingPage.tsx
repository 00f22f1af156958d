import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Breadcrumb, Button, Descriptions } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router-dom";
import { getFinding, markFinding, type FindingDetail } from "../../api/judged";
import { Subject } from "../../components/FindingTable";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { ReasonModal } from "../../components/ReasonModal";
import { RefLink } from "../../components/RefLink";
import { Severity } from "../../components/Severity";
import { FindingState } from "../../components/States";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { EvidenceList } from "./EvidenceList";
import { FindingHistory, Why } from "./Why";

/** open -> acknowledged -> in remedy; only the check itself closes. */
const NEXT: Record<string, string[]> = { open: ["acknowledged", "in_remedy"], acknowledged: ["in_remedy"], in_remedy: ["acknowledged"] };

export default function FindingPage() {
  const { id = "" } = useParams();
  const { t } = useI18n();
  const query = useQuery({ queryKey: ["findings", "one", id], queryFn: () => getFinding(id) });
  const { label, sentence } = useI18n();
  const f = query.data;
  return (
    <Page
      title={f ? label(f.title) : t("nav.findings")}
      above={<Breadcrumb items={[{ title: <Link to="/findings">{t("nav.findings")}</Link> }, { title: id }]} />}
      answer={f && sentence(f.message)}
      actions={f && <Marks finding={f} />}
    >
      <Loaded query={query}>{(data) => <Body f={data} />}</Loaded>
    </Page>
  );
}

function Marks({ finding }: { finding: FindingDetail }) {
  const { t, word } = useI18n();
  const client = useQueryClient();
  const may = useRole("operator", "approver", "unit_officer");
  const [next, setNext] = useState<string | null>(null);
  if (!may) return null;
  return (
    <>
      {(NEXT[finding.state] ?? []).map((s) => (
        <Button key={s} type={s === "acknowledged" && finding.state === "open" ? "primary" : "default"} onClick={() => setNext(s)}>
          {word("finding_do", s)}
        </Button>
      ))}
      {next && (
        <ReasonModal
          title={word("finding_do", next)}
          effect={word("finding_effect", next)}
          label={t("finding.note")}
          ok={word("finding_do", next)}
          required
          run={async (note) => {
            await markFinding(finding.id, next, note);
            await client.invalidateQueries({ queryKey: ["findings"] });
            void client.invalidateQueries({ queryKey: ["today"] });
          }}
          onClose={() => setNext(null)}
        />
      )}
    </>
  );
}

function Body({ f }: { f: FindingDetail }) {
  const { t, fmt } = useI18n();
  return (
    <>
      <Descriptions
        bordered
        column={{ xs: 1, md: 2, xl: 3 }}
        items={[
          { key: "severity", label: t("finding.severity"), children: <Severity value={f.severity} /> },
          { key: "state", label: t("finding.state"), children: <FindingState value={f.state} /> },
          { key: "count", label: t("finding.count"), children: fmt.number(f.count) },
          { key: "subject", label: t("finding.subject"), children: <Subject of={f.subject} /> },
          { key: "unit", label: t("finding.unit"), children: f.unit ? <RefLink kind="unit" value={f.unit} /> : t("today.no_unit") },
          { key: "control", label: t("finding.control"), children: <Link to={`/findings?control=${encodeURIComponent(f.control)}`}>{f.control}</Link> },
          { key: "first", label: t("finding.first"), children: fmt.time(f.first_at) },
          { key: "last", label: t("finding.last"), children: fmt.time(f.last_at) },
          { key: "closed", label: t("finding.closed"), children: f.closed_at ? fmt.time(f.closed_at) : t("finding.not_closed") },
        ]}
      />
      <Why why={f.why} />
      <EvidenceList finding={f} />
      <FindingHistory rows={f.history} />
    </>
  );
}
