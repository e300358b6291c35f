// What was spent and asked in a chosen period, and who did.
import { h } from "../parts/dom.js";
import { chart } from "../parts/chart.js";
import { activity, daysBack, period, sums } from "../parts/activity.js";
import { card, empty, figure, heading, loading } from "../parts/view.js";
import { table } from "../parts/table.js";
import { money, number, percent, short, shortDay, t } from "../parts/words.js";

export function overview() {
  const asked = daysBack(30);
  const all = loading(() => activity(asked), show);
  return [heading(t("page.overview"), period(asked, all.again)), all.place];
}

function show({ days, totals }) {
  if (!totals.api_requests) return card(null, empty(t("activity.none"), h("p", { class: "note" }, t("activity.none.hint"))));
  const labels = days.map(one => shortDay(one.date));
  const tokens = totals.total_prompt_tokens + totals.total_completion_tokens;
  return [
    h("div", { class: "grid" },
      figure(t("sum.spend"), money(totals.total_spend)),
      figure(t("sum.requests"), number(totals.api_requests), t("sum.failed", { part: percent(totals.total_failed_requests / totals.api_requests) })),
      figure(t("sum.tokens"), short(tokens), t("sum.in.out", { input: short(totals.total_prompt_tokens), output: short(totals.total_completion_tokens) })),
      figure(t("sum.cached"), percent(totals.total_cache_read_input_tokens / (totals.total_prompt_tokens || 1)), t("sum.cached.hint"))),
    card(t("by.day.spend"), chart("bar", labels, [{ label: t("sum.spend"), values: days.map(one => one.metrics.spend) }],
      { format: money, title: t("by.day.spend") })),
    h("div", { class: "halves" },
      card(t("by.day.requests"), chart("bar", labels, [
        { label: t("sum.good"), values: days.map(one => one.metrics.successful_requests) },
        { label: t("sum.bad"), values: days.map(one => one.metrics.failed_requests) }],
      { stacked: true, format: number, title: t("by.day.requests") })),
      card(t("by.day.tokens"), chart("line", labels, [
        { label: t("sum.input"), values: days.map(one => one.metrics.prompt_tokens) },
        { label: t("sum.output"), values: days.map(one => one.metrics.completion_tokens) }],
      { format: short, title: t("by.day.tokens") }))),
    h("div", { class: "halves" }, ranking(t("by.model"), sums(days, "model_groups").slice(0, 5)), ranking(t("by.key"), sums(days, "api_keys").slice(0, 5))),
  ];
}

function ranking(title, rows) {
  return card(title, table([
    { title: t("name"), cell: row => row.name },
    { title: t("sum.requests"), kind: "number", cell: row => number(row.api_requests) },
    { title: t("sum.tokens"), kind: "number", cell: row => short(row.total_tokens) },
    { title: t("sum.spend"), kind: "number", cell: row => money(row.spend) },
  ], rows, { caption: title }));
}
