import { Layout } from "antd";
import { useCallback, useRef, useState } from "react";
import { useLocation } from "react-router-dom";
import { ErrorBoundary } from "../components/ErrorBoundary";
import { useHotkey } from "../hooks/hotkey";
import { LiveProvider } from "../hooks/live";
import { useI18n } from "../i18n";
import { FindBox } from "./FindBox";
import { Head } from "./Head";
import { Nav } from "./Nav";
import { Pages } from "./Pages";

export default function Shell() {
  const { t } = useI18n();
  const [finding, setFinding] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const closeFind = useCallback(() => setFinding(false), []);
  useHotkey("k", () => setFinding(true));

  return (
    <LiveProvider>
      <a
        className="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault();
          main.current?.focus();
        }}
      >
        {t("shell.skip")}
      </a>
      <Layout className="shell">
        <Head onFind={() => setFinding(true)} />
        <Layout hasSider>
          <Nav />
          <main id="main" ref={main} tabIndex={-1} className="main">
            <ErrorBoundary key={pathname}>
              <Pages />
            </ErrorBoundary>
          </main>
        </Layout>
      </Layout>
      <FindBox open={finding} onClose={closeFind} />
    </LiveProvider>
  );
}
