import { useCallback } from "react";
import { useSearchParams } from "react-router-dom";

/** The address as the state of a page: set() with null or "" takes a name out. */
export function useParamState(): [URLSearchParams, (part: Record<string, string | null | undefined>, replace?: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (part: Record<string, string | null | undefined>, replace = false) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(part)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace },
      ),
    [setParams],
  );
  return [params, set];
}
