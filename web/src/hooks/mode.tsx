import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { readStored, writeStored } from "../lib/stored";
import type { Mode } from "../lib/theme";

const Context = createContext<{ mode: Mode; toggle: () => void }>({ mode: "light", toggle: () => {} });

function initial(): Mode {
  const stored = readStored("theme");
  if (stored === "light" || stored === "dark") return stored;
  return window.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [mode, setMode] = useState<Mode>(initial);
  useEffect(() => {
    document.documentElement.dataset.theme = mode;
  }, [mode]);
  const value = useMemo(
    () => ({
      mode,
      toggle: () => {
        const next: Mode = mode === "dark" ? "light" : "dark";
        writeStored("theme", next);
        setMode(next);
      },
    }),
    [mode],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useMode = () => useContext(Context);
