import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancelQuery, isCount, queryRows, searchEvents, type CountAnswer, type EventsAnswer, type LogEvent, type RowsAnswer, type SearchStats } from "../../api/events";
import { ApiError } from "../../api/client";

export const PAGE = 100;

export interface SearchState {
  items: LogEvent[];
  count: CountAnswer | null;
  table: RowsAnswer | null;
  stats: SearchStats | null;
  error: unknown;
  waiting: boolean;
  more: (() => void) | null;
  loadingMore: boolean;
  retry: () => void;
  /** The number of what runs now, to watch it. */
  run: string | null;
  stop: () => void;
}

type AnyAnswer = EventsAnswer | CountAnswer | RowsAnswer;
const isTable = (a: AnyAnswer): a is RowsAnswer => "table" in a;
const isLines = (a: AnyAnswer): a is EventsAnswer => "items" in a;

/** Lines and plain counts first; steps and other sources have a way of their own. */
async function ask(q: string, before: number | undefined, signal: AbortSignal, id: string): Promise<AnyAnswer> {
  try {
    return await searchEvents(q, PAGE, before, signal, id);
  } catch (e) {
    if (e instanceof ApiError && e.problem.type === "urn:luy:api.query_steps") return queryRows(q, signal, id);
    throw e;
  }
}

export function useSearch(q: string, enabled = true): SearchState {
  const [run, setRun] = useState<string | null>(null);
  const query = useInfiniteQuery({
    queryKey: ["events", q],
    queryFn: ({ pageParam, signal }) => {
      const id = crypto.randomUUID();
      setRun(id);
      return ask(q, pageParam ?? undefined, signal, id).finally(() => setRun((now) => (now === id ? null : now)));
    },
    enabled,
    initialPageParam: null as number | null,
    getNextPageParam: (last: AnyAnswer) => (isLines(last) ? last.next ?? undefined : undefined),
    staleTime: 30000,
    refetchOnWindowFocus: false,
  });
  const pages = query.data?.pages ?? [];
  const first = pages[0];
  const table = first && isTable(first) ? first : null;
  const count = first && !isTable(first) && isCount(first) ? first : null;
  return {
    items: pages.flatMap((p) => (isLines(p) ? p.items : [])),
    count,
    table,
    stats: first?.stats ?? null,
    error: query.error,
    waiting: query.isFetching && !query.isFetchingNextPage,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    loadingMore: query.isFetchingNextPage,
    retry: () => void query.refetch(),
    run,
    stop: () => {
      if (run) void cancelQuery(run);
    },
  };
}
