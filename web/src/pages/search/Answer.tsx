import { useI18n } from "../../i18n";
import { timesOf } from "../../lib/querytext";
import type { SearchState } from "./useSearch";

/** How much was found, and what it cost to find. */
export function Answer({ search, query }: { search: SearchState; query: string }) {
  const { t, fmt } = useI18n();
  const { stats, count, items, waiting, error } = search;
  if (error) return null;
  if (waiting && !stats) return <>{t("search.waiting")}</>;
  if (!stats) return null;
  const cost = t("search.cost", {
    events: stats.scanned_events ?? 0,
    skipped: stats.skipped_blocks ?? 0,
    ms: fmt.number(stats.ms ?? 0, 1),
  });
  const when = timesOf(query).since ? "" : ` ${t("search.no_since")}`;
  return (
    <>
      {count
        ? t("search.counted", { n: count.total, rows: count.rows.length })
        : search.more
          ? t("search.found_more", { n: items.length })
          : t("search.found", { n: search.table ? search.table.rows.length : items.length })}
      {when} {stats.timed_out && <span className="mark warn">{t("search.timed_out")}</span>}
      {stats.cancelled && <span className="mark warn">{t("search.cancelled")}</span>}
      {stats.partial?.map((p) => (
        <span className="mark warn" key={p.shard}>
          {t("search.partial", { shard: p.shard, events: fmt.number(p.events, 0), since: fmt.time(p.since) || "?" })}
        </span>
      ))}
      {!!stats.absent?.length && <span className="mark warn">{t("search.absent", { names: stats.absent.join(", ") })}</span>}{" "}
      <span className="quiet cost">{cost}</span>
    </>
  );
}
