import type { UseQueryResult } from "@tanstack/react-query";
import { Spin } from "antd";
import type { ReactNode } from "react";
import { ProblemView } from "./ProblemView";

/** Waiting, error with another try, or the thing itself. Old data stays in sight while new data comes. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <ProblemView error={query.error} retry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ProblemView error={query.error} retry={() => void query.refetch()} />;
  return <Spin className="page-wait" />;
}
