// Settings: what holds and who says so. What the configuration file says is changed there; the rest can be stored in
// the database, tried before it is written.
import { h } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { remember } from "../parts/address.js";
import { confirm, form } from "../parts/dialog.js";
import { fallbacks, source } from "../parts/fallbacks.js";
import { isAdmin } from "../parts/session.js";
import { table } from "../parts/table.js";
import { act, badge, card, choice, empty, facts, heading, loading, notice, search } from "../parts/view.js";
import { number, t } from "../parts/words.js";

const SECTIONS = ["router_settings", "litellm_settings", "general_settings"];
const CHAINS = ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"];
// Which part of the page a setting belongs to, by its name; the first that fits.
const PARTS = {
  alerts: /alert/,
  cache: /cach|^redis_|supported_call_types/,
  callbacks: /callback|logging|langfuse|prometheus|otel|log_/,
  limits: /limit|rpm|tpm|budget|parallel|max_|queue|pac(e|ing)/,
  routing: /retr|timeout|cooldown|fails|rout|fallback|pre_call|affinity|health|weight|keepalive/,
};
const VIEWS = ["fallbacks", "routing", "limits", "cache", "callbacks", "alerts", "all"];

export function settings(query) {
  const asked = { view: VIEWS.includes(query.get("view")) ? query.get("view") : "fallbacks" }, wanted = { text: "" };
  const all = loading(load, (found, again) => show(found, asked.view, wanted, again, all.redraw));
  return [heading(t("page.settings")),
    choice(t("page.settings"), VIEWS.map(name => [name, t(`settings.${name}`)]), asked.view, view => { asked.view = view; remember("settings", asked); all.redraw(); }),
    all.place];
}

async function load() {
  const [models, live, ...lists] = await Promise.all([get("v1/models"), get("debug/exchanges").catch(() => null),
    ...SECTIONS.map(section => get("config/list", { config_type: section }))]);
  const all = lists.flatMap((list, i) => list.map(one => ({ ...one, section: SECTIONS[i] })));
  const cache = find(all, "cache").field_value || find(all, "cache_responses").field_value ? await get("cache/ping").catch(() => null) : null;
  return { groups: models.data.map(model => model.id), live, cache, all, stores: isAdmin() && find(all, "store_model_in_db").field_value === true };
}

const find = (all, name, section) => all.find(one => one.field_name === name && (!section || one.section === section));

function partOf(setting) {
  return Object.keys(PARTS).find(part => PARTS[part].test(setting.field_name));
}

function show(found, view, wanted, again, redraw) {
  const hint = !found.stores && h("p", { class: "note" }, t("settings.closed"));
  if (view === "fallbacks") return [hint, CHAINS.map(name => chain(found, name, again))];
  if (view === "all") {
    const input = search(t("settings.search"), text => { wanted.text = text.toLowerCase(); redraw(); });
    input.value = wanted.text;
    return [hint, input, listed(found, found.all.filter(one => `${one.field_name} ${one.field_description}`.toLowerCase().includes(wanted.text)), again)];
  }
  const extra = { cache: cacheState, callbacks: callbackState, alerts: alertState }[view];
  return [hint, extra?.(found, again), listed(found, found.all.filter(one => partOf(one) === view && !CHAINS.includes(one.field_name)), again)];
}

// The router's counts; the other section's where the router's is silent.
function chain(found, name, again) {
  const [router, other] = ["router_settings", "litellm_settings"].map(section => find(found.all, name, section));
  const setting = router.field_value?.length || !other?.field_value?.length ? router : other;
  return fallbacks(setting, found.groups, found.stores && setting === router && setting.stored_in_db !== false, again);
}

// ---- single settings

function listed(found, rows, again) {
  if (!rows.length) return card(null, empty(t("settings.none")));
  const columns = [
    { title: t("setting"), cell: one => [h("strong", { class: "mono" }, one.field_name), h("div", { class: "note" }, one.field_description)] },
    { title: t("setting.value"), cell: value },
    { title: t("from"), cell: one => [source(one), one.needs_restart && [" ", badge(t("setting.restart"))]] },
    { title: "", cell: one => may(found, one) && h("div", { class: "row" }, act(t("edit"), () => edit(one, again)), one.stored_in_db && act(t("setting.reset"), () => reset(one, again))) },
  ];
  return card(null, table(columns, rows, { caption: t("page.settings") }));
}

const may = (found, one) => found.stores && one.section !== "general_settings" && one.stored_in_db !== false;

function value(one) {
  const held = one.field_value ?? null;
  if (held === null) return h("span", { class: "muted" }, one.field_default_value ?? "–");
  return h("code", {}, typeof held === "object" ? JSON.stringify(held) : String(held));
}

const KINDS = { Boolean: "select", Integer: "number", Float: "number", String: "text" };

function edit(one, again) {
  const kind = KINDS[one.field_type] ?? "json";
  const field = { name: "value", label: one.field_name, hint: one.field_description, required: true, kind, value: kind === "select" ? String(one.field_value) : one.field_value ?? "",
    ...(kind === "select" && { options: ["true", "false"].map(text => [text, text]) }), ...(one.field_type === "Integer" && { step: 1 }) };
  form(t("settings.edit"), [field], t("save"), async (values, close) => {
    await post("config/field/update", { config_type: one.section, field_name: one.field_name, field_value: kind === "select" ? values.value === "true" : values.value });
    close();
    notice(t("saved"));
    again();
  });
}

async function reset(one, again) {
  await post("config/field/delete", { config_type: one.section, field_name: one.field_name });
  notice(t("saved"));
  again();
}

// ---- what goes with some of them

function cacheState({ cache, live }) {
  if (!cache) return card(t("settings.cache"), h("p", { class: "muted" }, t("cache.off")));
  const kept = live?.response_cache ?? {};
  return card(t("settings.cache"), facts([[t("key.state"), badge(cache.status, "good")], [t("cache.kind"), cache.cache_type],
    ...Object.entries(kept).filter(([, n]) => typeof n === "number").map(([name, n]) => [name, number(n)])]),
  isAdmin() && h("footer", {}, act(t("cache.flush"), async () => {
    if (!await confirm(t("cache.flush"), t("cache.flush.sure"), t("cache.flush"))) return;
    await post("cache/flushall");
    notice(t("cache.flushed"));
  }, "danger")));
}

// A test is what LiteLLM's pages ask for, too.
const test = service => act(t("callback.test"), async () => {
  const answer = await get("health/services", { service });
  notice(answer.message || t("saved"));
});

function callbackState({ live }) {
  const all = live?.callbacks ?? [];
  if (!all.length) return card(t("settings.callbacks"), empty(t("callbacks.none")));
  return card(t("settings.callbacks"), table([
    { title: t("name"), cell: one => [h("strong", {}, one.name), " ", one.away ? badge(t("callback.away"), "bad") : badge(t("callback.there"), "good")] },
    { title: t("callback.taken"), kind: "number", cell: one => number(one.taken) },
    { title: t("callback.waiting"), kind: "number", cell: one => number(one.waiting) },
    { title: t("callback.dropped"), kind: "number", cell: one => number(one.dropped) },
    { title: "", cell: one => isAdmin() && test(one.name) }], all, { caption: t("settings.callbacks") }));
}

function alertState({ all }) {
  const places = all.filter(one => one.field_name === "alerting").flatMap(one => one.field_value ?? []);
  if (!places.length) return card(t("settings.alerts"), empty(t("alerts.none")));
  return card(t("settings.alerts"), places.map(place => h("div", { class: "row" }, h("strong", {}, place), isAdmin() && test(place))));
}
