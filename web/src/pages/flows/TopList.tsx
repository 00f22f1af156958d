import { useQuery } from "@tanstack/react-query";
import { Spin } from "antd";
import { Link } from "react-router-dom";
import { flowQuery, topFlows, topSteps, type Measure } from "../../api/flows";
import { Panel } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { inexact } from "../../lib/inexact";

const SHOWN = 10;
const WHOLE = 1000;

interface Props {
  title: string;
  fields: string[];
  query: string;
  measure: Measure;
  /** Of the whole range, for shares. */
  total?: number;
  enabled: boolean;
  onPick: (pairs: [string, string][]) => void;
}

/** The largest by the measure; a click keeps only that one. */
export function TopList({ title, fields, query, measure, total, enabled, onPick }: Props) {
  const { t, fmt } = useI18n();
  const answer = useQuery({
    queryKey: ["flows", "top", query, fields.join(), measure],
    queryFn: ({ signal }) => topFlows(query, fields, measure, SHOWN, signal),
    enabled,
    staleTime: 30000,
    placeholderData: (old) => old,
    refetchOnWindowFocus: false,
  });
  const rows = answer.data?.rows ?? [];
  const tell = measure === "bytes" ? fmt.bytes : fmt.number;
  const most = Math.max(...rows.map((r) => r.n), 1);
  return (
    <Panel
      title={title}
      extra={
        <Link className="small" to={`/search?q=${encodeURIComponent(flowQuery(query, topSteps(fields, measure, WHOLE)))}`}>
          {t("count.all")}
        </Link>
      }
    >
      {answer.error ? <ProblemView error={answer.error} /> : null}
      {!answer.data && answer.isFetching && <Spin />}
      <ul className="rows tops">
        {rows.map((r) => (
          <li key={r.keys.join(" ")}>
            <button type="button" className="as-link mono cut" title={t("flows.only", { what: r.keys.join(" ") })} onClick={() => onPick(fields.map((f, i) => [f, r.keys[i]]))}>
              {r.keys.map((k) => k || t("count.empty")).join(fields.includes("dst") && fields.length > 1 ? " → " : " ")}
            </button>
            <span className="bar-n nowrap">{tell(r.n)}</span>
            <span className="bar-n quiet">{total ? fmt.percent(r.n, total) : ""}</span>
            <span className="bar" style={{ width: `${Math.max(1, (100 * r.n) / most)}%` }} aria-hidden />
          </li>
        ))}
      </ul>
      {answer.data &&
        inexact(t, answer.data, tell).map((said) => (
          <p key={said} className="quiet small">
            {said}
          </p>
        ))}
    </Panel>
  );
}
