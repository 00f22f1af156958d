import type { LogEvent } from "../../api/events";
import { term } from "../../lib/querytext";
import { isoAround } from "../../lib/times";

const SECONDS = 60;

/** A minute to each side on the same host (or the same source, when the line names no host). Ranges of
 * queries are of the time that the line gives itself, where it gives one. */
export function contextQuery(e: LogEvent): string {
  const { since, until } = isoAround(e.event_at ?? e.received_at, SECONDS);
  const who = e.host ? term("host", e.host) : term("source", e.source);
  return `${who} since:${since} until:${until}`;
}
