import { DisconnectOutlined, LogoutOutlined, MoonOutlined, SearchOutlined, SunOutlined, SyncOutlined, UserOutlined } from "@ant-design/icons";
import { Button, Dropdown, Layout, Tooltip } from "antd";
import { Link } from "react-router-dom";
import { LangSwitch } from "../components/LangSwitch";
import { useLive } from "../hooks/live";
import { useMode } from "../hooks/mode";
import { useSession } from "../hooks/session";
import { useI18n } from "../i18n";
import { zone } from "../lib/format";

function LiveMark() {
  const { t, fmt } = useI18n();
  const { connected, stats } = useLive();
  return (
    <Tooltip title={connected ? t("shell.live_help") : t("shell.live_lost_help")}>
      <span className={connected ? "live" : "live live-lost"} role="status">
        {connected ? <SyncOutlined aria-hidden /> : <DisconnectOutlined aria-hidden />}
        {connected ? (stats ? t("shell.live_rate", { n: fmt.number(stats.eps, 1) }) : t("shell.live")) : t("shell.live_lost")}
      </span>
    </Tooltip>
  );
}

export function Head({ onFind }: { onFind: () => void }) {
  const { t, word } = useI18n();
  const { mode, toggle } = useMode();
  const { session, leave } = useSession();
  return (
    <Layout.Header className="head">
      <Link to="/" className="brand">
        <img src="/favicon.svg" alt="" width={22} height={22} />
        {t("app.name")}
      </Link>
      <Button className="find-button" icon={<SearchOutlined aria-hidden />} onClick={onFind} aria-keyshortcuts="Control+K">
        <span className="find-hint">{t("find.button")}</span>
        <kbd>{t("find.keys")}</kbd>
      </Button>
      <span className="grow" />
      <LiveMark />
      <Tooltip title={t("shell.zone_help")}>
        <span className="quiet">{zone()}</span>
      </Tooltip>
      <LangSwitch />
      <Button type="text" icon={mode === "dark" ? <SunOutlined aria-hidden /> : <MoonOutlined aria-hidden />} onClick={toggle}>
        {mode === "dark" ? t("shell.light") : t("shell.dark")}
      </Button>
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            { key: "who", disabled: true, label: (session?.roles ?? []).map((r) => word("role", r)).join(", ") },
            { key: "password", label: <Link to="/system?tab=password">{t("password.title")}</Link> },
            { key: "out", icon: <LogoutOutlined aria-hidden />, label: t("shell.log_out"), onClick: () => void leave() },
          ],
        }}
      >
        <Button type="text" icon={<UserOutlined aria-hidden />}>
          {session?.name || session?.account}
        </Button>
      </Dropdown>
    </Layout.Header>
  );
}
