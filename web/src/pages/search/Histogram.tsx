// The one chart: lines over time. A click narrows the range to a bar, a drag to several.
import { BarChart } from "echarts/charts";
import { BrushComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { theme } from "antd";
import { useEffect, useRef } from "react";
import type { Histogram as Data } from "../../api/events";
import { useI18n } from "../../i18n";
import { useMode } from "../../hooks/mode";

use([BarChart, BrushComponent, GridComponent, TooltipComponent, CanvasRenderer]);

interface Props {
  data: Data;
  describe: string;
  /** What a column counts, in words. */
  tell?: (n: number) => string;
  /** A number on the axis, where it is not a plain one. */
  axis?: (n: number) => string;
  onRange: (fromMs: number, toMs: number) => void;
}

export default function Histogram({ data, describe, tell, axis, onRange }: Props) {
  const { t, fmt } = useI18n();
  const { mode } = useMode();
  const { token } = theme.useToken();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts | null>(null);
  const pick = useRef(onRange);
  pick.current = onRange;
  const say = useRef(tell);
  say.current = tell;

  useEffect(() => {
    if (!box.current) return;
    const c = init(box.current, undefined, { renderer: "canvas" });
    chart.current = c;
    const size = new ResizeObserver(() => c.resize());
    size.observe(box.current);
    return () => {
      size.disconnect();
      c.dispose();
      chart.current = null;
    };
  }, [mode]);

  useEffect(() => {
    const c = chart.current;
    if (!c) return;
    const step = data.step_s * 1000;
    const starts = data.rows.map((r) => Date.parse(r.at));
    c.off("brushEnd");
    c.on("brushEnd", (e: unknown) => {
      const range = (e as { areas: { coordRange: [number, number] }[] }).areas[0]?.coordRange;
      if (!range) return;
      const [a, b] = range.map((i) => Math.max(0, Math.min(starts.length - 1, i)));
      pick.current(starts[a], starts[b] + step);
    });
    const quiet = { color: token.colorTextTertiary, fontFamily: token.fontFamily, fontSize: 11 };
    c.setOption(
      {
        animation: false,
        grid: { left: 4, right: 8, top: 8, bottom: 2, containLabel: true },
        tooltip: {
          trigger: "axis",
          axisPointer: { type: "shadow" },
          backgroundColor: token.colorBgElevated,
          borderColor: token.colorBorder,
          textStyle: { color: token.colorText, fontSize: 12 },
          formatter: (p: { dataIndex: number }[]) => {
            const row = data.rows[p[0].dataIndex];
            return `${fmt.time(row.at)}<br>${say.current ? say.current(row.count) : t("search.lines", { n: row.count })}`;
          },
        },
        brush: { xAxisIndex: 0, brushType: "lineX", throttleType: "debounce", brushStyle: { color: token.controlItemBgActiveHover, borderColor: token.colorPrimary } },
        xAxis: {
          type: "category",
          data: data.rows.map((r) => (data.step_s >= 43200 ? fmt.date(r.at) : fmt.time(r.at).slice(data.step_s >= 1800 ? 0 : 11, data.step_s >= 60 ? 16 : 19))),
          axisLabel: { ...quiet, alignMinLabel: "left" },
          axisLine: { lineStyle: { color: token.colorBorder } },
        },
        yAxis: {
          type: "value",
          minInterval: 1,
          splitNumber: 3,
          axisLabel: { ...quiet, formatter: axis ?? ((n: number) => fmt.number(n)) },
          splitLine: { lineStyle: { color: token.colorSplit } },
        },
        series: [{ type: "bar", data: data.rows.map((r) => r.count), itemStyle: { color: mode === "dark" ? "#57a877" : "#2f7d4f" }, barCategoryGap: "15%" }],
      },
      { notMerge: true },
    );
    c.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: "lineX", brushMode: "single" } });
  }, [axis, data, fmt, mode, t, token]);

  return <div ref={box} className="chart" role="img" aria-label={describe} />;
}
