// Sums per day, of /user/daily/activity, and the choice of a period.
import { get } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const DAY_MS = 86400000;
const PERIODS = [1, 7, 30, 90, 365];

const iso = date => date.toISOString().slice(0, 10);

export function daysBack(days) {
  return { days, from: iso(new Date(Date.now() - (days - 1) * DAY_MS)), to: iso(new Date()) };
}

export function period(asked, changed) {
  return h("select", { "aria-label": t("period"), onchange: event => { Object.assign(asked, daysBack(Number(event.target.value))); changed(); } },
    PERIODS.map(days => h("option", { value: days, selected: days === asked.days }, t("period.days", { days }))));
}

// {days: the oldest first, none left out; totals}
export async function activity(asked, path = "user/daily/activity/aggregated", more = {}) {
  const found = await get(path, { start_date: asked.from, end_date: asked.to, page_size: 1000, ...more });
  const known = new Map(found.results.map(one => [one.date, one]));
  const days = [];
  for (let at = Date.parse(asked.from); at <= Date.parse(asked.to); at += DAY_MS) {
    const date = iso(new Date(at));
    days.push(known.get(date) ?? { date, metrics: nothing(), breakdown: {} });
  }
  return { days, totals: { ...found.metadata, api_requests: found.metadata.total_api_requests ?? 0 } };
}

function nothing() {
  return { spend: 0, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, api_requests: 0, successful_requests: 0, failed_requests: 0 };
}

// The names that cost most, of "models", "api_keys", "providers" …, over all days.
export function top(days, kind, most) {
  const sums = new Map();
  for (const one of days)
    for (const [id, part] of Object.entries(one.breakdown[kind] ?? {})) {
      const sum = sums.get(id) ?? { id, name: part.metadata?.key_alias || part.metadata?.team_alias || id, ...nothing() };
      for (const name of Object.keys(nothing())) sum[name] += part.metrics[name] ?? 0;
      sums.set(id, sum);
    }
  return [...sums.values()].sort((a, b) => b.spend - a.spend || b.api_requests - a.api_requests).slice(0, most);
}
