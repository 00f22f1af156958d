import { useQuery } from "@tanstack/react-query";
import { Spin } from "antd";
import { lazy, Suspense } from "react";
import { getHistogram } from "../../api/events";
import { useI18n } from "../../i18n";
import { withTimes, splitPipe } from "../../lib/querytext";
import { isoSecond } from "../../lib/times";

const Histogram = lazy(() => import("./Histogram"));
const BUCKETS = 60;

interface Props {
  query: string;
  enabled: boolean;
  onRange: (query: string) => void;
}

export function HistogramPanel({ query, enabled, onRange }: Props) {
  const { t, fmt } = useI18n();
  const { filter } = splitPipe(query);
  const answer = useQuery({
    queryKey: ["histogram", filter],
    queryFn: ({ signal }) => getHistogram(filter, BUCKETS, signal),
    enabled,
    staleTime: 30000,
    placeholderData: (old) => old,
    refetchOnWindowFocus: false,
  });
  // An error of the query stands at the query box; a chart has nothing to add to it.
  if (!enabled) return null;
  if (!answer.data) return answer.isFetching ? <Spin className="histogram" /> : null;
  const total = answer.data.rows.reduce((sum, r) => sum + r.count, 0);
  return (
    <figure className="histogram">
      <figcaption className="quiet">
        {t("search.histogram", { n: total, from: fmt.time(answer.data.from), to: fmt.time(answer.data.to), step: fmt.span(answer.data.step_s) })}
      </figcaption>
      <Suspense fallback={<Spin />}>
        <Histogram
          data={answer.data}
          onRange={(from, to) => onRange(withTimes(query, isoSecond(from), isoSecond(to)))}
          describe={t("search.histogram_aria", { n: total })}
        />
      </Suspense>
    </figure>
  );
}
