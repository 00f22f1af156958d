// How far a running query is, from the server; asked only of those that take longer than a moment.
import { useEffect, useState } from "react";
import { progressUrl } from "../api/events";
import { openStream } from "../lib/stream";

const PATIENCE_MS = 500;

export interface Progress {
  done: number;
  all: number;
}

/** null: nothing runs, or not for long enough to speak of. */
export function useProgress(run: string | null): Progress | null {
  const [progress, setProgress] = useState<Progress | null>(null);
  useEffect(() => {
    setProgress(null);
    if (!run) return;
    let close = () => {};
    const timer = setTimeout(() => {
      setProgress({ done: 0, all: 0 });
      const stream = openStream(
        progressUrl(run),
        { progress: (data) => setProgress(data as Progress), end: () => stream.close() },
        () => {},
      );
      close = stream.close;
    }, PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      close();
    };
  }, [run]);
  return progress;
}
