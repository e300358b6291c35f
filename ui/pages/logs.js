// The log of requests: filters, pages, the newest as they come; one request in full.
import { h } from "../parts/dom.js";
import { get } from "../parts/api.js";
import { remember } from "../parts/address.js";
import { dialog } from "../parts/dialog.js";
import { request } from "../parts/request.js";
import { ordered, pages, table } from "../parts/table.js";
import { badge, card, empty, heading, loading, search } from "../parts/view.js";
import { milliseconds, moment, money, number, t } from "../parts/words.js";

const SIZE = 50;
const TAIL_MS = 2000;
const SPANS = { "15m": 900, "1h": 3600, "24h": 86400, "7d": 604800, "30d": 2592000, "1y": 31536000 }; // seconds
const TEXTS = ["model_group", "key_alias", "team_id", "user_id", "end_user"];
const STATES = ["", "success", "failure"];

function begin(query) {
  const asked = { span: query.get("span") in SPANS ? query.get("span") : "24h", status: query.get("status") ?? "", search: query.get("search") ?? "" };
  for (const name of TEXTS) asked[name] = query.get(name) ?? "";
  return asked;
}

export function logs(query) {
  const asked = begin(query), list = { page: 1, order: { by: "startTime", down: true }, tail: false };
  const all = loading(() => get("spend/logs/ui", parameters(asked, list)), found => show(found, asked, list, again));
  const again = () => all.again();
  const changed = () => { list.page = 1; remember("logs", asked); again(); };
  const set = name => event => { asked[name] = event.target.value.trim(); changed(); };
  const pick = (name, values, text) => h("select", { "aria-label": t(`logs.${name}`), onchange: set(name) },
    values.map(value => h("option", { value, selected: value === asked[name] }, text(value))));
  const find = search(t("logs.search"), text => { asked.search = text; changed(); });
  find.value = asked.search;
  return [heading(t("page.logs"), tail(list, all), pick("status", STATES, value => t(value ? `logs.status.${value}` : "logs.status.all")),
    pick("span", Object.keys(SPANS), value => t(`logs.span.${value}`))),
  h("div", { class: "filters" }, find, TEXTS.map(name => h("input", { placeholder: t(`logs.${name}`), "aria-label": t(`logs.${name}`), value: asked[name], spellcheck: "false", onchange: set(name) }))),
  all.place];
}

// The newest, asked for again and again for as long as the page is there and nobody pages.
function tail(list, all) {
  const follow = async () => {
    while (list.tail && all.place.isConnected) {
      if (list.page === 1 && !document.hidden) await all.again();
      await new Promise(done => setTimeout(done, TAIL_MS));
    }
  };
  return h("label", { class: "check" }, h("input", { type: "checkbox", onchange: event => { list.tail = event.target.checked; follow(); } }),
    h("span", {}, t("logs.tail")));
}

const utc = ms => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

function parameters({ span, status, ...rest }, { page, order }) {
  return { ...rest, status_filter: status, start_date: utc(Date.now() - SPANS[span] * 1000), end_date: utc(Date.now() + 60000), page, page_size: SIZE,
    sort_by: order.by, sort_order: order.down ? "desc" : "asc" };
}

function show(found, asked, list, again) {
  if (!found.data.length) {
    const filtered = asked.search || asked.status || TEXTS.some(name => asked[name]);
    return card(null, empty(filtered ? t("logs.none.found") : t("logs.none"), !filtered && h("p", { class: "note" }, t("activity.none.hint"))));
  }
  const columns = [
    { title: t("logs.time"), sort: "startTime", cell: row => h("span", { title: row.startTime }, moment(row.startTime)) },
    { title: t("logs.status"), cell: state },
    { title: t("model.name"), sort: "model", cell: row => [h("strong", {}, row.model_group || row.model || "–"), row.cache_hit === "True" && [" ", badge(t("logs.cached"))]] },
    { title: t("key.owner"), cell: owner },
    { title: t("sum.tokens"), sort: "total_tokens", kind: "number", cell: row => `${number(row.prompt_tokens)} + ${number(row.completion_tokens)}` },
    { title: t("logs.took"), sort: "request_duration_ms", kind: "number", cell: row => milliseconds(row.request_duration_ms) },
    { title: t("key.spend"), sort: "spend", kind: "number", cell: row => money(row.spend) },
  ];
  const capped = found.total_is_capped && h("p", { class: "note" }, t("logs.capped", { n: number(found.total) }));
  return card(null, table(columns, found.data, { ...ordered(list, again), onRow: open, caption: t("page.logs") }), capped,
    pages(found.page, found.total_pages, found.total, page => { list.page = page; again(); }));
}

function state(row) {
  const error = row.metadata?.error_information;
  return row.status === "failure" ? badge(error?.error_code || t("logs.status.failure"), "bad") : badge(t("logs.status.success"), "good");
}

function owner(row) {
  const names = [row.metadata?.user_api_key_alias || (row.api_key ? `${row.api_key.slice(0, 12)}…` : ""), row.user, row.end_user];
  return [...new Set(names.filter(Boolean))].join(" · ") || "–";
}

function open(row) {
  const body = loading(() => get(`spend/logs/ui/${encodeURIComponent(row.request_id)}`), bodies => request(row, bodies));
  dialog(row.model_group || row.model || row.call_type, body.place, { wide: true });
}
