// What was spent and asked, by day or by whom: a chart, a table, and the same as a file.
import { h } from "../parts/dom.js";
import { activity, daysBack, period, sums } from "../parts/activity.js";
import { remember } from "../parts/address.js";
import { chart } from "../parts/chart.js";
import { saveCsv } from "../parts/csv.js";
import { table } from "../parts/table.js";
import { card, choice, empty, figure, heading, loading } from "../parts/view.js";
import { money, number, percent, short, shortDay, t } from "../parts/words.js";

// Whose sums: the route, and the part of its answer. By day: the days themselves.
const VIEWS = {
  day: { of: "user" },
  model: { of: "user", kind: "model_groups" },
  key: { of: "user", kind: "api_keys" },
  team: { of: "team", kind: "entities" },
  user: { of: "user", kind: "entities" },
  tag: { of: "tag", kind: "entities" },
};
const MEASURES = { spend: money, api_requests: number, total_tokens: short };
const LINES = 7; // of a chart; the rest is one more
const COLUMNS = ["api_requests", "successful_requests", "failed_requests", "prompt_tokens", "completion_tokens",
  "cache_read_input_tokens", "spend"];

function begin(query) {
  const days = Number(query.get("days") ?? 30);
  const own = { days: 0, from: query.get("from"), to: query.get("to") };
  return { by: query.get("by") in VIEWS ? query.get("by") : "day", measure: query.get("measure") in MEASURES ? query.get("measure") : "spend",
    order: { by: "", down: true }, ...(days || !own.from || !own.to ? daysBack(days || 30) : own) };
}

export function usage(query) {
  const asked = begin(query);
  const all = loading(() => load(asked), found => show(found, asked, redraw));
  const note = () => remember("usage", { by: asked.by, measure: asked.measure, days: asked.days, ...(asked.days ? {} : { from: asked.from, to: asked.to }) });
  const again = () => { note(); all.again(); };
  const redraw = change => { Object.assign(asked, change); note(); all.redraw(); };
  return [heading(t("page.usage"), period(asked, again)),
    h("div", { class: "row" },
      choice(t("usage.by"), Object.keys(VIEWS).map(name => [name, t(`usage.by.${name}`)]), asked.by, by => { asked.by = by; asked.order.by = ""; again(); }),
      choice(t("usage.measure"), Object.keys(MEASURES).map(name => [name, t(`usage.${name}`)]), asked.measure, measure => redraw({ measure }))),
    all.place];
}

async function load(asked) {
  const { of, kind } = VIEWS[asked.by];
  const found = await activity(asked, `${of}/daily/activity/aggregated`);
  const rows = kind ? sums(found.days, kind) : daily(found.days);
  return { ...found, rows };
}

// Days on which something was asked, the newest first.
function daily(days) {
  return days.filter(one => one.metrics.api_requests).map(one => ({ id: one.date, name: one.date, ...one.metrics })).reverse();
}

function show(found, asked, redraw) {
  const { days, totals, rows } = found;
  if (!rows.length)
    return card(null, empty(t("activity.none"), h("p", { class: "note" }, t("activity.none.hint"))));
  const format = MEASURES[asked.measure], title = t(`usage.${asked.measure}`);
  return [
    h("div", { class: "grid" },
      figure(t("sum.spend"), money(totals.total_spend)),
      figure(t("sum.requests"), number(totals.api_requests), t("sum.failed", { part: percent(totals.total_failed_requests / (totals.api_requests || 1)) })),
      figure(t("sum.tokens"), short(totals.total_prompt_tokens + totals.total_completion_tokens),
        t("sum.in.out", { input: short(totals.total_prompt_tokens), output: short(totals.total_completion_tokens) }))),
    card(title, chart("bar", days.map(one => shortDay(one.date)), series(days, rows, asked, title), { stacked: true, format, title })),
    card(t(`usage.by.${asked.by}`), listed(rows, asked, redraw),
      h("footer", {}, h("button", { onclick: () => save(found, asked) }, t("usage.csv")))),
  ];
}

// Those that come first, and the rest together.
function series(days, rows, asked, title) {
  const { measure } = asked;
  if (asked.by === "day") return [{ label: title, values: days.map(one => one.metrics[measure]) }];
  const ranked = [...rows].sort((a, b) => b[measure] - a[measure]);
  const lines = ranked.slice(0, LINES).map(row => ({ label: cut(row.name), values: row.on.map(one => one[measure]) }));
  const rest = ranked.slice(LINES);
  if (rest.length) lines.push({ label: t("usage.rest", { n: number(rest.length) }), values: days.map((_, i) => rest.reduce((sum, row) => sum + row.on[i][measure], 0)) });
  return lines;
}

const cut = text => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function listed(rows, asked, redraw) {
  const { order } = asked;
  const column = (name, format) => ({ title: t(`usage.${name}`), sort: name, kind: "number", cell: row => format(row[name] ?? 0) });
  const columns = [
    { title: asked.by === "day" ? t("usage.date") : t("name"), sort: "name", cell: row => name(row, asked) },
    column("api_requests", number), column("failed_requests", number), column("prompt_tokens", short),
    column("completion_tokens", short), column("cache_read_input_tokens", short), column("spend", money)];
  const sorted = order.by ? [...rows].sort((a, b) => (order.down ? -1 : 1) * compare(a[order.by], b[order.by])) : rows;
  const onOrder = by => redraw({ order: { by, down: order.by === by ? !order.down : by !== "name" } });
  return table(columns, sorted, { order, onOrder, caption: t(`usage.by.${asked.by}`) });
}

const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (a ?? 0) - (b ?? 0));

function name(row, asked) {
  if (asked.by === "day") return row.name;
  return [h("strong", {}, row.name), row.name !== row.id && h("div", { class: "mono muted" }, row.id === "Unassigned" ? "" : row.id)];
}

// A line for each day of each; by day: one for each day.
function save({ days, rows }, asked) {
  const values = sum => COLUMNS.map(column => sum[column] ?? 0);
  const lines = asked.by === "day" ? days.map(one => [one.date, ...values(one.metrics)])
    : rows.flatMap(row => row.on.map((one, i) => [days[i].date, row.id, row.name, ...values(one)]).filter((_, i) => row.on[i].api_requests));
  saveCsv(`usage-${asked.by}-${asked.from}-${asked.to}.csv`, asked.by === "day" ? ["date", ...COLUMNS] : ["date", "id", "name", ...COLUMNS], lines);
}
