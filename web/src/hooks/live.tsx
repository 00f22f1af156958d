// One stream of live findings and figures for the whole console. A browser opens at
// most six connections to a host, so a hidden tab gives its stream back.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState, type ReactNode } from "react";
import { BASE } from "../api/client";
import type { Finding } from "../api/judged";
import type { LiveStats } from "../api/types";
import { openStream, type Stream } from "../lib/stream";

export interface Live {
  connected: boolean;
  stats: LiveStats | null;
  findings: Finding[];
}

const KEEP = 20;
const NOTHING: Live = { connected: false, stats: null, findings: [] };
const Context = createContext<Live>(NOTHING);

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>(NOTHING);

  useEffect(() => {
    let stream: Stream | null = null;
    const take = {
      stats: (data: unknown) => setLive((l) => ({ ...l, stats: data as LiveStats })),
      finding: (data: unknown) => {
        const f = data as Finding;
        setLive((l) => ({ ...l, findings: [f, ...l.findings.filter((x) => x.id !== f.id)].slice(0, KEEP) }));
        void client.invalidateQueries({ queryKey: ["today"] });
        void client.invalidateQueries({ queryKey: ["findings"] });
      },
    };
    const open = () => {
      if (!stream && !document.hidden) stream = openStream(`${BASE}/live`, take, (connected) => setLive((l) => ({ ...l, connected })));
    };
    const close = () => {
      stream?.close();
      stream = null;
    };
    const flip = () => (document.hidden ? close() : open());
    open();
    document.addEventListener("visibilitychange", flip);
    return () => {
      close();
      document.removeEventListener("visibilitychange", flip);
    };
  }, [client]);

  return <Context.Provider value={live}>{children}</Context.Provider>;
}

export const useLive = () => useContext(Context);
