// Runs in the browser: draws a panel of each kind that the dashboards have, as Grafana would.
"use strict";

const kRow = 30, kGap = 8;
const kNamed = {
  green: "#73BF69", "semi-dark-blue": "#3274D9", yellow: "#FADE2A", orange: "#FF9830", red: "#F2495C", purple: "#B877D9",
  "dark-purple": "#8F3BB8", "dark-red": "#C4162A", text: "#CCCCDC",
};
const kPalette = ["#73BF69", "#FADE2A", "#5794F2", "#FF9830", "#F2495C", "#B877D9", "#8AB8FF", "#37872D", "#E0B400", "#C4162A",
  "#FFA6B0", "#CA95E5", "#C0D8FF", "#96D98D"];
const kAxis = { stroke: "#9a9ba8", grid: { stroke: "#25282e", width: 1 }, ticks: { show: false }, font: "11px DejaVu Sans" };

function element(parent, tag, name, text) {
  const made = parent.appendChild(document.createElement(tag));
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

// ---- Values.

// `value` in Grafana's `unit`; where no decimals are given, with as many as make three digits.
function format(value, unit, decimals) {
  if (value === null || Number.isNaN(value)) return "–";
  const digits = (x, suffix) => {
    const places = decimals ?? (x === 0 || Math.abs(x) >= 100 ? 0 : Math.abs(x) >= 10 ? 1 : 2);
    return x.toFixed(places).replace(decimals === undefined ? /\.?0+$/ : /^$/, (tail) => tail.startsWith(".") ? "" : tail) + suffix;
  };
  const scaled = (steps) => {
    const [size, name] = steps.find(([least]) => Math.abs(value) >= least) ?? steps[steps.length - 1];
    return digits(value / size, name);
  };
  switch (unit) {
    case "s":
      if (value === 0) return "0 s";
      return scaled([[86400, " days"], [3600, " hours"], [60, " mins"], [1, " s"], [1e-3, " ms"], [1e-6, " µs"]]);
    case "percentunit": return digits(value * 100, "%");
    case "bytes": return scaled([[2 ** 30, " GiB"], [2 ** 20, " MiB"], [1024, " KiB"], [1, " B"]]);
    case "ops": return digits(value, " ops/s");
    case "reqps": return digits(value, " req/s");
    case "locale": return Math.round(value).toLocaleString("en-US");
    case "short":
      return Math.abs(value) < 1000 ? digits(value, "") : scaled([[1e12, " Tri"], [1e9, " Bil"], [1e6, " Mil"], [1e3, " K"]]);
    default: return String(value);
  }
}

function legendOf(template, labels) {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => labels[name] ?? "");
}

function propertiesOf(panel, name) {
  const found = {};
  for (const override of panel.fieldConfig.overrides) {
    if (override.matcher.options !== name) continue;
    for (const { id, value } of override.properties) found[id] = value;
  }
  return found;
}

// Every series of a panel: its legend, and Prometheus' values.
function seriesOf(panel, answers) {
  const all = [];
  for (const target of panel.targets) {
    for (const series of answers[target.refId].result) {
      all.push({ name: legendOf(target.legendFormat, series.metric), metric: series.metric, values: series.values, value: series.value });
    }
  }
  all.forEach((series, i) => {
    const color = propertiesOf(panel, series.name).color?.fixedColor;
    series.color = color ? kNamed[color] : kPalette[i % kPalette.length];
  });
  return all;
}

function thresholdColor(panel, value) {
  const steps = panel.fieldConfig.defaults.thresholds.steps;
  return kNamed[steps.filter((step) => step.value === null || value >= step.value).pop().color];
}

// ---- Panels. Each returns how many marks it drew.

function drawTimeseries(panel, body, answers, data) {
  const { unit, custom, min, max, thresholds, decimals } = panel.fieldConfig.defaults;
  const all = seriesOf(panel, answers);
  const times = [...new Set(all.flatMap((series) => series.values.map(([t]) => t)))].sort((a, b) => a - b);
  let marks = 0;
  const rows = all.map((series) => {
    const at = new Map(series.values);
    return times.map((t) => {
      const value = at.has(t) ? Number(at.get(t)) : NaN;
      if (!Number.isFinite(value)) return null;
      marks++;
      return value;
    });
  });
  if (marks === 0) return 0;

  const legend = element(body.parentNode, "div", "legend");
  for (const series of all) {
    const item = element(legend, "span");
    element(item, "i").style.background = series.color;
    item.append(series.name);
  }
  const stacked = all.map((series) => (propertiesOf(panel, series.name)["custom.stacking"] ?? custom.stacking).mode === "normal");
  const sums = times.map(() => 0);
  const shown = rows.map((row, i) => !stacked[i] ? row : row.map((value, at) => sums[at] += value ?? 0));
  const log = custom.scaleDistribution.type === "log";
  const dashed = (series) => propertiesOf(panel, series.name)["custom.lineStyle"]?.dash;
  const clear = (color, percent) => color + Math.round(percent * 2.55).toString(16).padStart(2, "0");
  const plots = all.map((series, i) => ({
    label: series.name, stroke: series.color, width: custom.lineWidth * 1.25, spanGaps: custom.spanNulls, points: { size: 3 }, dash: dashed(series),
    fill: stacked[i] && i > 0 ? undefined : clear(series.color, custom.fillOpacity),
  }));
  // The area between one stacked series and the one below it.
  const bands = [];
  for (let i = all.length - 1; i > 0; i--) {
    if (stacked[i] && stacked[i - 1]) bands.push({ series: [i + 1, i], fill: clear(all[i].color, custom.fillOpacity) });
  }
  const line = custom.thresholdsStyle ? thresholds.steps[1].value : null;
  const most = Math.max(...shown.flat().filter((value) => value !== null));
  const label = (value) => format(value, unit, decimals);
  const options = {
    width: body.clientWidth, height: body.clientHeight, legend: { show: false }, cursor: { show: false }, padding: [8, 10, 0, 0],
    scales: {
      x: { time: true, range: [data.from, data.to] },
      y: log ? { distr: 3 } : { range: [min ?? 0, (max ?? (line === null ? most : Math.max(most, line))) * 1.08 || 1] },
    },
    axes: [
      { ...kAxis, size: 24, space: 60, 
        values: (_, at) => at.map((t) => t - data.from < 0.07 * (data.to - data.from) ? "" :  // Not below the other axis.
          new Date(t * 1000).toISOString().slice(11, at[1] - at[0] < 60 ? 19 : 16)) },
      { ...kAxis, size: (_, values) => 14 + Math.max(0, ...(values ?? []).map((text) => (text ?? "").length * 6.6)), space: 24,
        ...(unit === "bytes" && { incrs: Array.from({ length: 40 }, (_, i) => 2 ** i) }),
        values: (_, at) => at.map((value) => value === null || (log && Math.log10(value) % 1 !== 0) ? "" : label(value)) },
    ],
    series: [{}, ...plots], bands,
    hooks: { draw: [(plot) => {
      if (line === null) return;
      const y = plot.valToPos(line, "y", true);
      Object.assign(plot.ctx, { strokeStyle: kNamed.red, lineWidth: 1.5 });
      plot.ctx.setLineDash([6, 4]);
      plot.ctx.beginPath();
      plot.ctx.moveTo(plot.bbox.left, y);
      plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
      plot.ctx.stroke();
      plot.ctx.setLineDash([]);
    }] },
  };
  new uPlot(options, [times, ...shown], body);
  return marks;
}

function drawHeatmap(panel, body, answers, data) {
  const buckets = answers.A.result.map((series) => ({ le: Number(series.metric.le.replace("+Inf", "Infinity")), at: new Map(series.values) }))
    .sort((a, b) => a.le - b.le);
  const times = [...new Set(answers.A.result.flatMap((series) => series.values.map(([t]) => t)))].sort((a, b) => a - b);
  // Prometheus counts up to a bound; a cell is the difference of two.
  const cells = buckets.map((bucket, i) => times.map((t) =>
    Math.max(0, Number(bucket.at.get(t) ?? 0) - (i === 0 ? 0 : Number(buckets[i - 1].at.get(t) ?? 0)))));
  const used = cells.map((row, i) => row.some((count) => count > 0.001) ? i : -1).filter((i) => i >= 0);
  if (used.length === 0) return 0;
  const low = used[0], high = used[used.length - 1];
  const most = Math.max(...cells.flat());

  const legend = element(body.parentNode, "div", "legend");
  const scale = element(legend, "span", "", "0 ");
  const shades = element(scale, "i");
  shades.style.cssText = "width:120px;height:9px;margin:0 6px;background:linear-gradient(90deg,#2b2320,#8a3c0a,#ff9830,#fff0d0)";
  scale.append(`${format(most, "short", 0)} answers in a cell; rows end at the time on the left`);
  const canvas = element(body, "canvas");
  const ratio = window.devicePixelRatio, width = body.clientWidth, height = body.clientHeight;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  canvas.style.cssText = `width:${width}px;height:${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const left = 62, bottom = height - 24, top = 8, right = width - 10;
  const x = (t) => left + (right - left) * (t - data.from) / (data.to - data.from);
  const rowHeight = (bottom - top) / (high - low + 1);
  const step = times.length > 1 ? times[1] - times[0] : 1;
  const mix = between(["#2b2320", "#8a3c0a", "#ff9830", "#fff0d0"]);
  let marks = 0;
  for (let i = low; i <= high; i++) {
    const y = bottom - (i - low + 1) * rowHeight;
    times.forEach((t, k) => {
      if (cells[i][k] <= 0.001) return;
      marks++;
      context.fillStyle = mix(Math.sqrt(cells[i][k] / most));
      const cell = x(t) - x(t - step), gap = cell > 4 ? 1 : 0;
      context.fillRect(x(t - step), y + 0.5, Math.max(1, cell - gap), rowHeight - 1);
    });
    context.fillStyle = kAxis.stroke;
    context.font = kAxis.font;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(Number.isFinite(buckets[i].le) ? format(buckets[i].le, "s") : "longer", left - 6, y + rowHeight / 2);
  }
  context.textAlign = "center";
  for (let i = 1; i < 6; i++) {
    const t = data.from + (data.to - data.from) * i / 6;
    context.fillText(new Date(t * 1000).toISOString().slice(11, data.to - data.from < 360 ? 19 : 16), x(t), bottom + 14);
  }
  return marks;
}

// A colour for each share of 0 to 1, interpolated.
function between(stops) {
  const parts = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return (share) => {
    const place = Math.min(share, 0.9999) * (parts.length - 1), i = Math.floor(place);
    return `rgb(${parts[i].map((from, k) => Math.round(from + (parts[i + 1][k] - from) * (place - i))).join(",")})`;
  };
}

function drawStat(panel, body, answers) {
  const { unit, decimals } = panel.fieldConfig.defaults;
  const value = Number(answers.A.result[0]?.value[1] ?? NaN);
  if (!Number.isFinite(value)) return 0;
  element(body, "div", "number", format(value, unit, decimals)).style.color = thresholdColor(panel, value);
  return 1;
}

function drawBars(panel, body, answers) {
  const { unit, decimals, max, color } = panel.fieldConfig.defaults;
  const all = seriesOf(panel, answers).filter((series) => Number.isFinite(Number(series.value[1])));
  const most = max ?? Math.max(...all.map((series) => Number(series.value[1])), 1e-9);
  const list = element(body, "div", "bars");
  const width = Math.min(190, Math.max(...all.map((series) => series.name.length)) * 8.6 + 4);
  for (const series of all) {
    const value = Number(series.value[1]);
    const bar = element(list, "div", "bar");
    element(bar, "div", "name", series.name).style.width = `${width}px`;
    const fill = element(element(bar, "div", "track"), "div", "fill");
    const shade = color.mode === "thresholds" ? thresholdColor(panel, value) : series.color;
    fill.style.cssText = `width:${Math.min(100, value / most * 100)}%;background:${shade}`;
    element(bar, "div", "value", format(value, unit, decimals)).style.color = shade;
  }
  return all.length;
}

// Prometheus' vectors, merged by their labels, with the columns that the transformations leave; or the database's rows.
function tableOf(panel, answers) {
  if (answers.A.columns) return answers.A;
  const organize = panel.transformations.find(({ id }) => id === "organize").options;
  const merged = new Map();
  for (const [refId, { result }] of Object.entries(answers)) {
    for (const { metric, value } of result) {
      const key = JSON.stringify(metric);
      if (!merged.has(key)) merged.set(key, { ...metric });
      merged.get(key)[`Value #${refId}`] = Number(value[1]);
    }
  }
  const fields = Object.keys(organize.indexByName).sort((a, b) => organize.indexByName[a] - organize.indexByName[b]);
  const rows = [...merged.values()].map((row) => fields.map((field) => row[field] ?? null));
  const columns = fields.map((field) => organize.renameByName[field] ?? field);
  for (const { displayName, desc } of panel.options.sortBy ?? []) {
    const at = columns.indexOf(displayName);
    const value = (row) => Number.isFinite(row[at]) ? row[at] : -Infinity;
    rows.sort((a, b) => (desc ? -1 : 1) * (value(a) - value(b)));
  }
  return { columns, rows };
}

function drawTable(panel, body, answers) {
  const { columns, rows } = tableOf(panel, answers);
  if (rows.length === 0) return 0;
  const numeric = columns.map((_, i) => rows.every((row) => row[i] === null || row[i] === "" || !Number.isNaN(Number(row[i]))));
  const table = element(body, "table");
  const head = element(table, "tr");
  let marks = 0;
  columns.forEach((name, i) => element(head, "th", numeric[i] ? "n" : "", name));
  for (const row of rows) {
    const line = element(table, "tr");
    row.forEach((value, i) => {
      const own = propertiesOf(panel, columns[i]);
      const unit = own.unit ?? panel.fieldConfig.defaults.unit;
      const text = numeric[i] && value !== null && value !== "" && unit !== "none" ? format(Number(value), unit, own.decimals) : value ?? "";
      element(line, "td", numeric[i] ? "n" : own.links ? "link" : "", String(text).replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[.\d]*\+00$/, "$1"));
    });
    // Grafana scrolls to what does not fit; here a line that would be cut in half is left out.
    if (line.offsetTop + line.offsetHeight > body.clientHeight) { line.remove(); break; }
    marks++;
  }
  return marks;
}

const kDraw = { timeseries: drawTimeseries, heatmap: drawHeatmap, stat: drawStat, bargauge: drawBars, table: drawTable };

function drawPanel(grid, panel, data) {
  const { x, y, w, h } = panel.gridPos;
  const column = (grid.clientWidth + kGap) / 24;
  const box = element(grid, "div", `panel ${panel.type}`);
  box.style.cssText = `left:${x * column}px;top:${y * (kRow + kGap)}px;width:${w * column - kGap}px;height:${h * (kRow + kGap) - kGap}px`;
  element(box, "div", "title", panel.title);
  const body = element(box, "div", "body");
  const answers = data.answers[panel.id];
  const marks = kDraw[panel.type](panel, body, answers, data);
  if (marks === 0) element(body, "div", "nothing", panel.fieldConfig.defaults.noValue);
  for (const part of box.querySelectorAll(".title, .name, .number, td")) {
    if (part.scrollWidth > part.clientWidth) console.error(`${panel.title}: does not fit: ${part.textContent}`);
  }
  const room = body.clientHeight;
  if (room < 0.4 * h * (kRow + kGap)) console.error(`${panel.title}: the legend leaves no room`);
  if (body.scrollWidth > body.clientWidth) console.error(`${panel.title}: wider than its panel`);
  return { title: panel.title, marks, nothing: body.querySelector(".nothing")?.textContent ?? "" };
}

function drawDashboard(board, data) {
  const head = element(document.body, "div");
  head.id = "head";
  element(head, "b", "", board.title);
  for (const { name, label } of board.templating.list) {
    if (data.variables[name] !== undefined) element(head, "span", "", `${label}: ${data.variables[name]}`);
  }
  const clock = (t) => new Date(t * 1000).toISOString().slice(11, 19);
  element(head, "span", "", `${clock(data.from)} to ${clock(data.to)}`);
  const grid = element(document.body, "div");
  grid.id = "grid";
  grid.style.height = `${Math.max(...board.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (kRow + kGap) - kGap}px`;
  return board.panels.map((panel) => drawPanel(grid, panel, data));
}
