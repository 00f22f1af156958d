import { Tabs } from "antd";
import { Page } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { ControlsTab } from "./ControlsTab";
import { LoginsTab } from "./LoginsTab";
import { PasswordTab } from "./PasswordTab";
import { SourcesTab } from "./SourcesTab";
import { StatsTab } from "./StatsTab";
import { SystemAnswer } from "./SystemAnswer";
import { TokensTab } from "./TokensTab";

export default function SystemPage() {
  const { t } = useI18n();
  const [params, set] = useParamState();
  const admin = useRole();
  const tabs = [
    { key: "stats", label: t("system.stats"), children: <StatsTab /> },
    { key: "sources", label: t("system.sources"), children: <SourcesTab /> },
    { key: "controls", label: t("system.controls"), children: <ControlsTab /> },
    ...(admin ? [{ key: "logins", label: t("system.logins"), children: <LoginsTab /> }] : []),
    { key: "tokens", label: t("system.tokens"), children: <TokensTab /> },
    { key: "password", label: t("password.title"), children: <PasswordTab /> },
  ];
  return (
    <Page title={t("nav.system")} answer={<SystemAnswer />}>
      <Tabs activeKey={params.get("tab") ?? "stats"} onChange={(tab) => set({ tab: tab === "stats" ? null : tab })} items={tabs} destroyOnHidden />
    </Page>
  );
}
