// Draws the panels of a dashboard with the components that Grafana publishes: how it writes units, words and colours, and
// where bars and axes begin. The panels of Grafana itself, which choose sizes and hold the menus, are not published.
import React from "react";
import { createRoot } from "react-dom/client";
import { FieldType, Registry, ThemeContext, applyFieldOverrides, createTheme, dateTime, getDisplayValueAlignmentFactors, getFieldDisplayValues, toDataFrame } from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";

const theme = createTheme({ colors: { mode: "light" } });
// Grafana's grid.
const ROW = 30, GAP = 8, COLUMNS = 24;
// What Grafana's time series panel takes where a dashboard says nothing.
const LINES = {
  drawStyle: "line", lineInterpolation: "linear", lineWidth: 1, fillOpacity: 0, gradientMode: "none", pointSize: 5, showPoints: "auto",
  axisPlacement: "auto", axisColorMode: "text", axisGridShow: true, axisCenteredZero: false, scaleDistribution: { type: "linear" },
  spanNulls: false, insertNulls: false, stacking: { mode: "none", group: "A" }, thresholdsStyle: { mode: "off" },
  hideFrom: { legend: false, tooltip: false, viz: false },
};
const same = (value) => value;
// What the dashboards' overrides change.
const OVERRIDABLE = new Registry(() => ["unit", "color"].map((id) => ({ id, path: id, name: id, process: same, shouldApply: () => true })));
const named = (legend, labels) => legend.replace(/\{\{(.+?)\}\}/g, (_, name) => labels[name] ?? "");

function table(panel, [series]) {
  const { excludeByName, indexByName, renameByName } = panel.transformations[0].options;
  const rows = series.map(({ metric, value: [time, value] }) => ({ Time: time * 1000, ...metric, Value: Number(value) }));
  const names = [...new Set(rows.flatMap(Object.keys))].filter((name) => !excludeByName[name]);
  names.sort((one, other) => indexByName[one] - indexByName[other]);
  const config = panel.fieldConfig.defaults;
  const field = (name) => ({
    name: renameByName[name] ?? name, type: name === "Value" ? FieldType.number : FieldType.string,
    values: rows.map((row) => row[name] ?? ""), config: structuredClone(config),
  });
  return [toDataFrame({ fields: names.map(field) })];
}

function frames(panel, results) {
  if (panel.type === "table") return table(panel, results);
  const config = panel.fieldConfig.defaults;
  return results.flatMap((series, index) => series.map(({ metric, value, values = [value] }) => toDataFrame({
    refId: panel.targets[index].refId,
    fields: [
      { name: "Time", type: FieldType.time, values: values.map(([time]) => time * 1000), config: {} },
      {
        name: "Value", type: FieldType.number, labels: metric, values: values.map(([, value]) => Number(value)),
        config: { ...structuredClone(config), custom: { ...LINES }, displayNameFromDS: named(panel.targets[index].legendFormat, metric) },
      },
    ],
  })));
}

// Grafana publishes no state timeline. This one is ours: words and colours are Grafana's, equal values are one bar, and where
// nothing was scraped there is none.
function StateTimeline({ frames, width, height, range }) {
  const NAMES = 170, AXIS = 20, GAP_MS = 30_000, LETTER = 8;
  const from = range.from.valueOf(), to = range.to.valueOf();
  const place = (time) => NAMES + ((time - from) / (to - from)) * (width - NAMES);
  const row = Math.min(28, (height - AXIS) / frames.length);
  const bars = ({ fields: [times, states] }) => {
    const all = [];
    times.values.forEach((time, index) => {
      const last = all.at(-1), value = states.values[index];
      if (last && last.value === value && time - last.end < GAP_MS) last.end = time;
      else if (last && time - last.end < GAP_MS) all.push({ value, begin: (last.end = time), end: time });
      else all.push({ value, begin: time, end: time });
    });
    return all;
  };
  const ticks = [0, 0.25, 0.5, 0.75].map((part) => from + part * (to - from));
  return <svg width={width} height={height} style={{ fontSize: Math.min(12, row - 2) }}>
    {frames.map((frame, index) => <g key={index}>
      <text x={0} y={index * row + row / 2 + 4} fill={theme.colors.text.primary}>{frame.fields[1].config.displayNameFromDS}</text>
      {bars(frame).map(({ value, begin, end }) => {
        const { text, color } = frame.fields[1].display(value);
        const x = place(begin), wide = Math.max(1, place(end) - x);
        return <g key={begin}>
          <rect x={x} y={index * row + 1} width={wide} height={row - 2} fill={color} />
          {wide > text.length * LETTER && <text x={x + 4} y={index * row + row / 2 + 4} fill={theme.colors.getContrastText(color)}>{text}</text>}
        </g>;
      })}
    </g>)}
    {ticks.map((time) => <text key={time} x={place(time)} y={frames.length * row + 15} fontSize={12} fill={theme.colors.text.secondary}>{dateTime(time).utc().format("HH:mm")}</text>)}
  </svg>;
}

function Drawn({ panel, data, width, height, range }) {
  const { type, options, fieldConfig } = panel;
  const size = { width, height };
  if (!data.length || !data[0].length) return <i>No data</i>;
  if (type === "timeseries") {
    return <TimeSeries frames={data} structureRev={1} timeRange={range} timeZone="utc" {...size} legend={options.legend} options={options} replaceVariables={same}>{() => null}</TimeSeries>;
  }
  if (type === "table") return <TableNG data={data[0]} {...size} initialSortBy={options.sortBy} structureRev={1} fieldConfig={fieldConfig} />;
  if (type === "state-timeline") return <StateTimeline frames={data} {...size} range={range} />;
  if (type !== "stat" && type !== "bargauge") return <i>{type}: not among what Grafana publishes</i>;
  const values = getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables: same, theme, data, timeZone: "utc" });
  const bar = ({ value, width, height, alignmentFactors }) => <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} width={width} height={height} theme={theme} orientation="horizontal" displayMode={options.displayMode} alignmentFactors={alignmentFactors} itemSpacing={8} lcdCellWidth={10} showUnfilled valueDisplayMode="color" namePlacement="auto" />;
  const figure = ({ value, width, height, count, alignmentFactors }) => <BigValue value={value.display} count={count} width={width} height={height} theme={theme} colorMode={options.colorMode} textMode={options.textMode} graphMode="none" justifyMode="auto" alignmentFactors={alignmentFactors} />;
  const bars = type === "bargauge";
  return <VizRepeater source={values} getValues={() => values} getAlignmentFactors={getDisplayValueAlignmentFactors} {...size} renderCounter={0} itemSpacing={8} minVizHeight={bars ? 16 : undefined} orientation={bars ? "horizontal" : "auto"} renderValue={bars ? bar : figure} />;
}

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    return this.state.error ? <pre className="failed">{String(this.state.error.stack)}</pre> : this.props.children;
  }
}

function Dashboard({ plan: { panels, width: whole, from, to } }) {
  const range = { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: "now-1h", to: "now" } };
  const unit = (whole - GAP) / COLUMNS;
  const bottom = Math.max(...panels.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <div style={{ position: "relative", height: bottom * (ROW + GAP) + GAP, background: theme.colors.background.canvas }}>
      {panels.map(({ panel, results }) => {
        const { x, y, w, h } = panel.gridPos;
        const width = w * unit - GAP, height = h * (ROW + GAP) - GAP;
        const data = applyFieldOverrides({ data: frames(panel, results), fieldConfig: { defaults: {}, overrides: panel.fieldConfig.overrides }, theme, timeZone: "utc", replaceVariables: same, fieldConfigRegistry: OVERRIDABLE });
        return <div key={panel.id} className="panel" style={{ position: "absolute", left: x * unit + GAP, top: y * (ROW + GAP) + GAP }}>
          <PanelChrome title={panel.title} width={width} height={height}>
            {(width, height) => <Guard><Drawn {...{ panel, data, width, height, range }} /></Guard>}
          </PanelChrome>
        </div>;
      })}
    </div>
  </ThemeContext.Provider>;
}

window.draw = (plan) => createRoot(document.getElementById("root")).render(<Dashboard plan={plan} />);
