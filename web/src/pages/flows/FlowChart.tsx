import { useQuery } from "@tanstack/react-query";
import { Spin } from "antd";
import { lazy, Suspense, useMemo } from "react";
import { flowsOverTime, type Measure } from "../../api/flows";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { fillBuckets, stepOf } from "../../lib/buckets";

const Histogram = lazy(() => import("../search/Histogram"));
const COLUMNS = 60;

interface Props {
  query: string;
  measure: Measure;
  from: number;
  to: number;
  onRange: (fromMs: number, toMs: number) => void;
}

export function FlowChart({ query, measure, from, to, onRange }: Props) {
  const { t, fmt } = useI18n();
  const step = stepOf(from, to, COLUMNS);
  const answer = useQuery({
    queryKey: ["flows", "chart", query, step, measure],
    queryFn: ({ signal }) => flowsOverTime(query, step, measure, signal),
    staleTime: 30000,
    refetchOnWindowFocus: false,
  });
  const data = useMemo(() => {
    if (!answer.data) return null;
    const rows = fillBuckets(answer.data, from, to, step);
    return { from: rows[0]?.at ?? "", to: new Date(to).toISOString(), step_s: step, rows };
  }, [answer.data, from, to, step]);
  if (answer.error) return <ProblemView error={answer.error} />;
  if (!data) return <Spin className="page-wait" />;
  const total = data.rows.reduce((sum, r) => sum + r.count, 0);
  const tell = (n: number) => (measure === "bytes" ? fmt.bytes(n) : t(measure === "packets" ? "flows.packet_count" : "flows.count", { n }));
  return (
    <figure className="histogram">
      <figcaption className="quiet">{t("flows.histogram", { what: tell(total), from: fmt.time(data.from), to: fmt.time(data.to), step: fmt.span(step) })}</figcaption>
      <Suspense fallback={<Spin />}>
        <Histogram data={data} onRange={onRange} describe={t("flows.histogram_aria", { what: tell(total) })} tell={tell} axis={measure === "bytes" ? fmt.bytes : undefined} />
      </Suspense>
    </figure>
  );
}
