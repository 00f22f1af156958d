// Providers from the outside in: language, theme, server state, session, address.
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import viVN from "antd/locale/vi_VN";
import dayjs from "dayjs";
import "dayjs/locale/vi";
import { useEffect, useMemo } from "react";
import { BrowserRouter } from "react-router-dom";
import { ApiError } from "./api/client";
import { SessionProvider } from "./hooks/session";
import { ThemeProvider, useMode } from "./hooks/mode";
import { I18nProvider, useI18n } from "./i18n";
import { themeOf } from "./lib/theme";
import { Gate } from "./shell/Gate";

function makeClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache(),
    mutationCache: new MutationCache(),
    defaultOptions: {
      queries: {
        staleTime: 5000,
        refetchOnWindowFocus: true,
        // A refusal stays a refusal; only a line that broke is worth another try.
        retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
      },
    },
  });
}

function Themed() {
  const { lang } = useI18n();
  const { mode } = useMode();
  const client = useMemo(makeClient, []);
  dayjs.locale(lang);
  // Texts inside answers follow the language that was asked for.
  useEffect(() => void client.invalidateQueries(), [client, lang]);
  return (
    <ConfigProvider locale={lang === "vi" ? viVN : enUS} theme={themeOf(mode)} componentSize="small" form={{ requiredMark: true }}>
      <AntApp component={false}>
        <QueryClientProvider client={client}>
          <SessionProvider>
            <BrowserRouter future={{ v7_startTransition: true, v7_relativeSplatPath: true }}>
              <Gate />
            </BrowserRouter>
          </SessionProvider>
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

export function App() {
  return (
    <I18nProvider>
      <ThemeProvider>
        <Themed />
      </ThemeProvider>
    </I18nProvider>
  );
}
