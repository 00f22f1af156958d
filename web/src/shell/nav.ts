import {
  ApartmentOutlined,
  AuditOutlined,
  CalendarOutlined,
  DashboardOutlined,
  DatabaseOutlined,
  NodeIndexOutlined,
  SafetyCertificateOutlined,
  SearchOutlined,
  SettingOutlined,
  SwapOutlined,
  WarningOutlined,
} from "@ant-design/icons";
import type { IconType } from "../components/icon";
import { WIDE } from "../hooks/session";
import type { Key } from "../i18n/translate";

/** The pages of the console, in the order of a day's work; roles says who is shown one, when not everybody. */
export const NAV: { path: string; key: Key; icon: IconType; roles?: string[] }[] = [
  { path: "/", key: "nav.today", icon: DashboardOutlined },
  { path: "/search", key: "nav.search", icon: SearchOutlined, roles: WIDE },
  { path: "/flows", key: "nav.flows", icon: NodeIndexOutlined, roles: WIDE },
  { path: "/registry", key: "nav.registry", icon: DatabaseOutlined },
  { path: "/admission", key: "nav.admission", icon: SafetyCertificateOutlined },
  { path: "/changes", key: "nav.changes", icon: SwapOutlined },
  { path: "/addresses", key: "nav.addresses", icon: ApartmentOutlined },
  { path: "/findings", key: "nav.findings", icon: WarningOutlined },
  { path: "/clauses", key: "nav.clauses", icon: AuditOutlined },
  { path: "/duties", key: "nav.duties", icon: CalendarOutlined },
  { path: "/system", key: "nav.system", icon: SettingOutlined },
];

export function navFor(roles: string[]): typeof NAV {
  return NAV.filter((n) => !n.roles || roles.includes("admin") || n.roles.some((r) => roles.includes(r)));
}
