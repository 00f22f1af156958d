// One accent (bamboo green), neutral greys, dense rows; every text colour keeps 4.5:1 on its ground.
import { theme, type ThemeConfig } from "antd";

export type Mode = "light" | "dark";

const FONT = "'Segoe UI', 'Noto Sans', 'DejaVu Sans', Roboto, 'Helvetica Neue', Arial, sans-serif";
export const MONO = "'Cascadia Mono', 'Noto Sans Mono', 'DejaVu Sans Mono', Consolas, Menlo, monospace";

export function themeOf(mode: Mode): ThemeConfig {
  const dark = mode === "dark";
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      // On dark ground the accent itself is too dark for text; buttons keep it.
      colorPrimary: dark ? "#6cc08c" : "#2f7d4f",
      colorLink: dark ? "#7cc99a" : "#22663d",
      colorLinkHover: dark ? "#a3dcb9" : "#174d2c",
      colorLinkActive: dark ? "#a3dcb9" : "#174d2c",
      colorError: dark ? "#f0716b" : "#c0271f",
      colorWarning: dark ? "#e0a93b" : "#8f5f00",
      colorSuccess: dark ? "#6cc08c" : "#2f7d4f",
      colorTextSecondary: dark ? "#c2c6c4" : "#474d4a",
      colorTextTertiary: dark ? "#a9aeab" : "#5c635f",
      colorTextDescription: dark ? "#a9aeab" : "#5c635f",
      colorTextPlaceholder: dark ? "#9aa09d" : "#69706c",
      colorTextDisabled: dark ? "#8d9390" : "#6d7470",
      colorBgLayout: dark ? "#101412" : "#f3f5f4",
      colorBgContainer: dark ? "#171c19" : "#ffffff",
      colorBgElevated: dark ? "#1f2522" : "#ffffff",
      fontFamily: FONT,
      fontFamilyCode: MONO,
      fontSize: 13,
      fontSizeSM: 12,
      lineHeight: 1.5,
      sizeStep: 3,
      controlHeight: 28,
      controlHeightSM: 24,
      borderRadius: 4,
      motion: false,
      wireframe: false,
    },
    components: {
      Layout: { siderBg: dark ? "#141916" : "#ffffff", headerBg: dark ? "#141916" : "#ffffff", headerHeight: 44, headerPadding: "0 16px" },
      Menu: { itemBg: "transparent", darkItemBg: "transparent", itemHeight: 34 },
      Table: { cellPaddingBlockSM: 4, cellPaddingInlineSM: 8, headerBg: dark ? "#1d2320" : "#eef2f0" },
      Calendar: { itemActiveBg: dark ? "#1d3327" : "#e6f3eb" },
      Alert: { withDescriptionPadding: "8px 12px", withDescriptionIconSize: 16 },
      Tabs: { horizontalMargin: "0 0 8px 0" },
      Button: dark ? { colorPrimary: "#2f7d4f", colorPrimaryHover: "#276b43", colorPrimaryActive: "#1f5836", primaryColor: "#ffffff" } : {},
    },
  };
}
