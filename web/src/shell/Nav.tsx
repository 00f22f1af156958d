import { Layout } from "antd";
import { NavLink } from "react-router-dom";
import { useLive } from "../hooks/live";
import { useSession } from "../hooks/session";
import { useI18n } from "../i18n";
import { navFor } from "./nav";

export function Nav() {
  const { t, fmt } = useI18n();
  const { stats } = useLive();
  const { session } = useSession();
  return (
    <Layout.Sider width={184} className="nav">
      <nav aria-label={t("shell.nav")}>
        {navFor(session?.roles ?? []).map(({ path, key, icon: Icon }) => (
          <NavLink key={path} to={path} end={path === "/"} className="nav-item">
            <Icon aria-hidden />
            <span>{t(key)}</span>
            {path === "/findings" && stats && stats.findings_open > 0 && (
              <span className="nav-count" aria-label={t("shell.open_findings", { n: stats.findings_open })}>
                {fmt.number(stats.findings_open)}
              </span>
            )}
          </NavLink>
        ))}
      </nav>
    </Layout.Sider>
  );
}
