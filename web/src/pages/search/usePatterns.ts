import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancelQuery, getPatterns, type PatternsAnswer } from "../../api/events";
import { splitPipe } from "../../lib/querytext";

const SHOWN = 200;

export interface PatternsState {
  answer: PatternsAnswer | null;
  error: unknown;
  run: string | null;
  stop: () => void;
}

export function usePatterns(query: string, order: "count" | "change", enabled: boolean): PatternsState {
  const [run, setRun] = useState<string | null>(null);
  const { filter } = splitPipe(query);
  const answer = useQuery({
    queryKey: ["events", "patterns", filter, order],
    queryFn: ({ signal }) => {
      const id = crypto.randomUUID();
      setRun(id);
      return getPatterns(filter, order, SHOWN, id, signal).finally(() => setRun((now) => (now === id ? null : now)));
    },
    enabled,
    staleTime: 30000,
    refetchOnWindowFocus: false,
  });
  return {
    answer: answer.data ?? null,
    error: answer.error,
    run,
    stop: () => {
      if (run) void cancelQuery(run);
    },
  };
}
