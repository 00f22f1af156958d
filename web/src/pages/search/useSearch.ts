import { useInfiniteQuery } from "@tanstack/react-query";
import { isCount, searchEvents, type CountAnswer, type EventsAnswer, type LogEvent, type SearchStats } from "../../api/events";

export const PAGE = 100;

export interface SearchState {
  items: LogEvent[];
  count: CountAnswer | null;
  stats: SearchStats | null;
  error: unknown;
  waiting: boolean;
  more: (() => void) | null;
  loadingMore: boolean;
  retry: () => void;
}

export function useSearch(q: string): SearchState {
  const query = useInfiniteQuery({
    queryKey: ["events", q],
    queryFn: ({ pageParam, signal }) => searchEvents(q, PAGE, pageParam ?? undefined, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (last: EventsAnswer | CountAnswer) => (isCount(last) ? undefined : last.next ?? undefined),
    staleTime: 30000,
    refetchOnWindowFocus: false,
  });
  const pages = query.data?.pages ?? [];
  const first = pages[0];
  const count = first && isCount(first) ? first : null;
  return {
    items: count ? [] : pages.flatMap((p) => (isCount(p) ? [] : p.items)),
    count,
    stats: first?.stats ?? null,
    error: query.error,
    waiting: query.isFetching && !query.isFetchingNextPage,
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    loadingMore: query.isFetchingNextPage,
    retry: () => void query.refetch(),
  };
}
