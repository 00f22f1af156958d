import { useQuery } from "@tanstack/react-query";
import { isCount, searchEvents, type LogEvent } from "../../api/events";
import { Loaded } from "../../components/Loaded";
import { useI18n } from "../../i18n";
import { visible } from "../../lib/bytes";
import { contextQuery } from "./contextQuery";

const AROUND = 10;

/** What the same host said just before and just after. */
export function Context({ e }: { e: LogEvent }) {
  const { t, fmt } = useI18n();
  const query = useQuery({
    queryKey: ["context", e.seq],
    queryFn: async ({ signal }) => {
      const a = await searchEvents(contextQuery(e), 1000, undefined, signal);
      return isCount(a) ? [] : a.items;
    },
    staleTime: 60000,
  });
  return (
    <Loaded query={query}>
      {(items) => {
        const at = Math.max(0, items.findIndex((x) => x.seq === e.seq));
        const near = items.slice(Math.max(0, at - AROUND), at + AROUND + 1);
        return (
          <>
            <p className="quiet">{t("line.context_help", { host: e.host || e.source })}</p>
            <ol className="context">
              {near.map((x) => (
                <li key={x.seq} className={x.seq === e.seq ? "marked" : undefined} aria-current={x.seq === e.seq || undefined}>
                  <span className="quiet">{fmt.time(x.received_at)}</span> <b>{x.program}</b> {visible(x.msg)}
                </li>
              ))}
            </ol>
          </>
        );
      }}
    </Loaded>
  );
}
