import "uplot/dist/uPlot.min.css";

import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import uPlot from "uplot";

import { clock } from "../../format/time";
import { figure } from "../../format/value";
import { useText } from "../../i18n/text";
import { Foreign } from "../../parts/text";
import { useSettings } from "../../settings";
import { aligned, colours, type Series } from "./result";

const PALETTE = 8;
const HEIGHT = 320;
/** More lines than this tell nothing apart; the table has them all. */
const LINES_MAX = 40;
const DASHES: (number[] | undefined)[] = [undefined, [6, 3], [2, 3]];

/** The present value of a token: the canvas knows no custom properties. */
function resolved(host: HTMLElement, token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  host.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** Lines over time, gaps left open; what the chart shows stands in a sentence for those who do not see it. */
export function Chart({ series, from, to, step, format = figure, height = HEIGHT }: { series: readonly Series[]; from: number; to: number; step: number; format?: (value: number) => string; height?: number }): ReactNode {
  const t = useText();
  const { settings } = useSettings();
  const host = useRef<HTMLDivElement>(null);
  const [systemDark, setSystemDark] = useState(() => window.matchMedia("(prefers-color-scheme: dark)").matches);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => series.slice(0, LINES_MAX), [series]);
  const places = useMemo(() => colours(shown.map((one) => one.name), PALETTE), [shown]);

  useEffect(() => {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => setSystemDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const text = resolved(element, "--t3");
    const line = resolved(element, "--bd");
    const font = "11px system-ui, sans-serif";
    const axis = { stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: true, min: from, max: to } },
        axes: [
          { ...axis, values: (_plot, splits) => splits.map((at) => clock(at * 1000, settings.zone).slice(0, to - from > 600 ? 5 : 8)) },
          { ...axis, size: 72, values: (_plot, splits) => splits.map(format) },
        ],
        series: [
          {},
          ...shown.map((one, index) => {
            const place = places[index] ?? 0;
            const dash = DASHES[Math.floor(place / PALETTE) % DASHES.length];
            return {
              label: one.name,
              show: !hidden.has(one.name),
              stroke: resolved(element, `--series-${(place % PALETTE) + 1}`),
              width: 1.5,
              spanGaps: false,
              points: { show: one.points.length < 2 },
              ...(dash ? { dash } : {}),
            };
          }),
        ],
      },
      aligned(shown, from, to, step),
      element,
    );
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [shown, places, hidden, from, to, step, format, height, settings.zone, settings.theme, systemDark]);

  const last = (one: Series): string => {
    const value = one.points[one.points.length - 1]?.[1];
    return value === undefined ? "—" : format(value);
  };
  const toggle = (name: string): void => {
    setHidden((before) => {
      const after = new Set(before);
      if (!after.delete(name)) after.add(name);
      return after;
    });
  };
  return (
    <div className="chart">
      <div ref={host} role="img" aria-label={t("chart.label", { n: series.length, from: clock(from * 1000, settings.zone), to: clock(to * 1000, settings.zone) })} />
      <ul className="chart-legend">
        {shown.map((one, index) => (
          <li key={one.name}>
            <button type="button" className="bare" aria-pressed={!hidden.has(one.name)} onClick={() => toggle(one.name)}>
              <i className={`swatch s${((places[index] ?? 0) % PALETTE) + 1}`} aria-hidden="true" /> <Foreign className="code" max={140}>{one.name}</Foreign>
              <span className="figures end">{last(one)}</span>
            </button>
          </li>
        ))}
      </ul>
      {series.length > LINES_MAX && <p className="quiet small">{t("chart.cut", { n: series.length - LINES_MAX })}</p>}
    </div>
  );
}
