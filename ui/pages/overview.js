// What was spent and asked in a chosen period, who did, and what is going on now.
import { h, replace } from "../parts/dom.js";
import { activity, daysBack, period, sums } from "../parts/activity.js";
import { get } from "../parts/api.js";
import { chart } from "../parts/chart.js";
import { isAdmin } from "../parts/session.js";
import { badge, card, empty, figure, heading, loading } from "../parts/view.js";
import { table } from "../parts/table.js";
import { milliseconds, money, number, percent, short, shortDay, t } from "../parts/words.js";

const LIVE_MS = 3000;

export function overview() {
  const asked = daysBack(30);
  const all = loading(() => load(asked), show);
  return [heading(t("page.overview"), isAdmin() && live(), period(asked, all.again)), all.place];
}

// Prices and kept answers are not for everybody: what is missing is left out.
async function load(asked) {
  const [sum, models, kept] = await Promise.all([activity(asked), get("v1/model/info").catch(() => null),
    isAdmin() ? get("global/activity/cache_hits", { start_date: asked.from, end_date: asked.to }).catch(() => null) : null]);
  return { ...sum, prices: new Map(models?.data.map(model => [model.model_name, model.model_info])), kept: kept?.totals };
}

// The requests of the last minute, and those under way, for as long as the page is there.
function live() {
  const place = h("div", { class: "live", role: "status" });
  const follow = async () => {
    do {
      const found = document.hidden ? null : await get("debug/exchanges").catch(() => null);
      if (found) {
        const rate = Object.values(found.deployments).reduce((sum, one) => sum + one.requests_per_minute, 0);
        replace(place, badge(t("live", { rate: number(rate), running: number(found.live) }), "good"));
      }
      await new Promise(done => setTimeout(done, LIVE_MS));
    } while (place.isConnected);
  };
  follow();
  return place;
}

// What reading from Bedrock's cache saved, at the prices of now.
function saved(days, prices) {
  return sums(days, "model_groups").reduce((sum, row) => {
    const price = prices.get(row.id);
    const less = (price?.input_cost_per_token ?? 0) - (price?.cache_read_input_token_cost ?? 0);
    return sum + (price?.cache_read_input_token_cost ? row.cache_read_input_tokens * less : 0);
  }, 0);
}

const mean = sum => (sum.timed_requests ? sum.total_response_time_ms / sum.timed_requests : null);

function show({ days, totals, prices, kept }) {
  if (!totals.api_requests) return card(null, empty(t("activity.none"), h("p", { class: "note" }, t("activity.none.hint"))));
  const labels = days.map(one => shortDay(one.date));
  const tokens = totals.total_prompt_tokens + totals.total_completion_tokens;
  const took = mean({ total_response_time_ms: totals.total_response_time_ms, timed_requests: totals.total_timed_requests });
  return [
    h("div", { class: "grid" },
      figure(t("sum.spend"), money(totals.total_spend)),
      figure(t("sum.requests"), number(totals.api_requests)),
      figure(t("sum.errors"), percent(totals.total_failed_requests / totals.api_requests), t("sum.errors.of", { n: number(totals.total_failed_requests) })),
      figure(t("sum.latency"), milliseconds(took), t("sum.latency.hint")),
      figure(t("sum.tokens"), short(tokens), t("sum.in.out", { input: short(totals.total_prompt_tokens), output: short(totals.total_completion_tokens) })),
      figure(t("sum.saved"), money(saved(days, prices)), t("sum.cached", { part: percent(totals.total_cache_read_input_tokens / (totals.total_prompt_tokens || 1)) })),
      kept && figure(t("sum.kept"), number(kept.cache_hits), t("sum.kept.part", { part: percent(kept.cache_hit_ratio / 100) }))),
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
    card(t("by.day.latency"), chart("line", labels, [{ label: t("sum.latency"), values: days.map(one => mean(one.metrics)) }],
      { format: milliseconds, title: t("by.day.latency") })),
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
