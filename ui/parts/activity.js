// Sums per day, of …/daily/activity, and the choice of a period.
import { get } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const DAY_MS = 86400000;
const PERIODS = [1, 7, 30, 90, 365];
const SUMS = ["spend", "prompt_tokens", "completion_tokens", "total_tokens", "cache_read_input_tokens", "api_requests",
  "successful_requests", "failed_requests"];

const iso = date => date.toISOString().slice(0, 10);

export function daysBack(days) {
  return { days, from: iso(new Date(Date.now() - (days - 1) * DAY_MS)), to: iso(new Date()) };
}

// The end that was not moved follows the other: the first day is not behind the last, and a year is the most.
function reach(asked, moved) {
  const at = Date.parse(asked[moved]), year = (Math.max(...PERIODS) - 1) * DAY_MS;
  if (moved === "from") asked.to = iso(new Date(Math.min(Math.max(Date.parse(asked.to), at), at + year, Date.now())));
  else asked.from = iso(new Date(Math.max(Math.min(Date.parse(asked.from), at), at - year)));
}

// The last days, or from one day to another. `changed()` once `asked` says something else.
export function period(asked, changed) {
  const dates = ["from", "to"].map(name => h("input", { type: "date", required: true, "aria-label": t(`period.${name}`), value: asked[name],
    hidden: asked.days, max: iso(new Date()), onchange: event => {
      if (!event.target.value) return;
      asked[name] = event.target.value;
      reach(asked, name);
      show();
      changed();
    } }));
  const show = () => ["from", "to"].forEach((name, i) => Object.assign(dates[i], { value: asked[name], hidden: asked.days > 0 }));
  const choose = h("select", { "aria-label": t("period"), onchange: event => {
    const days = Number(event.target.value);
    Object.assign(asked, days ? daysBack(days) : { days: 0 });
    show();
    if (days) changed();
  } }, PERIODS.map(days => h("option", { value: days, selected: days === asked.days }, t("period.days", { days }))),
  h("option", { value: 0, selected: !asked.days }, t("period.own")));
  return [choose, dates];
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
  return Object.fromEntries(SUMS.map(name => [name, 0]));
}

function nameOf(id, known = {}) {
  if (id === "Unassigned") return t("usage.nobody");
  return known.key_alias || known.team_alias || known.user_alias || known.user_email || id;
}

// Sums of each of "model_groups", "api_keys", "entities" …, over all days; the one that cost most comes first. `on`: what
// it was on each of the days.
export function sums(days, kind) {
  const all = new Map();
  for (const [i, one] of days.entries())
    for (const [id, part] of Object.entries(one.breakdown[kind] ?? {})) {
      if (!all.has(id)) all.set(id, { id, name: nameOf(id, part.metadata), ...nothing(), on: days.map(nothing) });
      const sum = all.get(id);
      for (const name of SUMS) {
        sum[name] += part.metrics[name] ?? 0;
        sum.on[i][name] += part.metrics[name] ?? 0;
      }
    }
  return [...all.values()].sort((a, b) => b.spend - a.spend || b.api_requests - a.api_requests);
}
