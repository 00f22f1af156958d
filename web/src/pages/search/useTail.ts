// Live lines over server-sent events. Lines are gathered and shown ten times a second;
// a pause keeps the newest in hand, and what falls out of the hand is counted as lost.
import { useCallback, useEffect, useRef, useState } from "react";
import { tailUrl, type LogEvent } from "../../api/events";
import { openStream } from "../../lib/stream";

const SHOWN = 300;
const HELD = 1000;
const BEAT_MS = 100;

export interface Tail {
  lines: LogEvent[];
  lost: number;
  waiting: number;
  connected: boolean;
  paused: boolean;
  flip: () => void;
}

export function useTail(query: string): Tail {
  const [lines, setLines] = useState<LogEvent[]>([]);
  const [lost, setLost] = useState(0);
  const [waiting, setWaiting] = useState(0);
  const [connected, setConnected] = useState(false);
  const [paused, setPaused] = useState(false);
  const held = useRef<LogEvent[]>([]);
  const still = useRef(false);

  useEffect(() => {
    held.current = [];
    setLines([]);
    setLost(0);
    const take = {
      line: (data: unknown) => {
        held.current.unshift(data as LogEvent);
        if (held.current.length > HELD) {
          held.current.length = HELD;
          setLost((n) => n + 1);
        }
      },
      lost: (data: unknown) => setLost((old) => old + (data as { lost: number }).lost),
    };
    const stream = openStream(tailUrl(query), take, setConnected);
    const beat = setInterval(() => {
      if (still.current) {
        setWaiting(held.current.length);
      } else if (held.current.length) {
        const fresh = held.current;
        held.current = [];
        setLines((old) => [...fresh, ...old].slice(0, SHOWN));
      }
    }, BEAT_MS);
    return () => {
      clearInterval(beat);
      stream.close();
      setConnected(false);
    };
  }, [query]);

  const flip = useCallback(() => {
    still.current = !still.current;
    setWaiting(still.current ? held.current.length : 0);
    setPaused(still.current);
  }, []);

  return { lines, lost, waiting, connected, paused, flip };
}
