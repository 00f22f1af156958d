// Who is logged in. undefined = not yet known, null = nobody.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, onSession, setCsrf } from "../api/client";
import { getSession, logOut } from "../api/service";
import type { Session } from "../api/types";

interface SessionState {
  session: Session | null | undefined;
  error: ApiError | null;
  /** The server ended a session that was in use. */
  expired: boolean;
  enter: (s: Session) => void;
  leave: () => Promise<void>;
  retry: () => void;
}

const Context = createContext<SessionState | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [session, setSession] = useState<Session | null>();
  const [error, setError] = useState<ApiError | null>(null);
  const [expired, setExpired] = useState(false);

  const enter = useCallback((s: Session) => {
    setCsrf(s.csrf);
    setExpired(false);
    setError(null);
    setSession(s);
  }, []);

  const clear = useCallback(() => {
    setCsrf("");
    client.clear();
    setSession(null);
  }, [client]);

  const load = useCallback(() => {
    setError(null);
    getSession().then(enter, (e: unknown) => {
      if (e instanceof ApiError && e.status !== 401) setError(e);
      else setSession(null);
    });
  }, [enter]);

  useEffect(() => {
    onSession({
      lost: () => {
        setExpired(true);
        clear();
      },
      mustChange: () => setSession((s) => (s && !s.must_change ? { ...s, must_change: true } : s)),
    });
    load();
  }, [clear, load]);

  const value = useMemo<SessionState>(
    () => ({
      session,
      error,
      expired,
      enter,
      retry: load,
      leave: async () => {
        await logOut().catch(() => undefined);
        clear();
      },
    }),
    [session, error, expired, enter, load, clear],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): SessionState {
  const value = useContext(Context);
  if (!value) throw new Error("SessionProvider is missing");
  return value;
}

/** Who may see what belongs to the whole network: its log lines, its history chain. */
export const WIDE = ["operator", "approver", "auditor"];

/** True when the reader holds one of the roles; admin holds all. */
export function useRole(...roles: string[]): boolean {
  const { session } = useSession();
  return !!session && session.roles.some((r) => r === "admin" || roles.includes(r));
}
