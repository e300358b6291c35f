// Virtual keys: a list with search and pages, one in full, what can be done with it.
import { h, replace } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { confirm, dialog } from "../parts/dialog.js";
import { createKey, editKey } from "../parts/keyform.js";
import { isAdmin, seesAll } from "../parts/session.js";
import { pages, table } from "../parts/table.js";
import { badge, bar, card, copy, empty, explain, heading, loading, notice } from "../parts/view.js";
import { day, number, t, time } from "../parts/words.js";

const SIZE = 25;

export function keys() {
  const asked = { page: 1, search: "", order: { by: "created_at", down: true } };
  const list = loading(() => get("key/list", query(asked)), found => show(found, asked, again));
  const again = () => list.again();
  let waiting;
  const search = h("input", { type: "search", placeholder: t("keys.search"), "aria-label": t("keys.search"), oninput: event => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { asked.search = event.target.value.trim(); asked.page = 1; again(); }, 250);
  } });
  const create = () => start(values => createKey(values, async (body, close) => {
    const made = await post("key/generate", body);
    close();
    reveal(made.key);
    again();
  }));
  return [heading(t("page.keys"), search, mayCreate() && h("button", { class: "primary", onclick: create }, t("keys.create"))),
    list.place];
}

const mayCreate = () => !["proxy_admin_viewer", "internal_user_viewer"].includes(sessionRole());
const sessionRole = () => (isAdmin() ? "proxy_admin" : seesAll() ? "proxy_admin_viewer" : "internal_user");

function query(asked) {
  return { page: asked.page, size: SIZE, return_full_object: "true", include_team_keys: "true",
    key_alias: asked.search, sort_by: asked.order.by, sort_order: asked.order.down ? "desc" : "asc" };
}

async function start(open) {
  try {
    const models = await get("v1/models");
    open(models.data.map(model => model.id));
  } catch (error) {
    notice(explain(error), "bad");
  }
}

// ---- the list

const columns = [
  { title: () => t("key.key_alias"), sort: "key_alias", cell: key => [h("strong", {}, key.key_alias || "–"),
    h("div", { class: "mono muted" }, key.key_name || "")] },
  { title: () => t("key.state"), cell: state },
  { title: () => t("key.owner"), cell: key => [key.user_id, key.team_alias || key.team_id].filter(Boolean).join(" · ") || "–" },
  { title: () => t("key.models"), cell: models },
  { title: () => t("key.spend"), sort: "spend", cell: key => bar(key.spend, key.max_budget) },
  { title: () => t("key.created_at"), sort: "created_at", cell: key => day(key.created_at) },
];

function show(found, asked, again) {
  if (!found.keys.length)
    return card(null, empty(asked.search ? t("keys.none.found") : t("keys.none")));
  const titled = columns.map(column => ({ ...column, title: column.title() }));
  const order = by => {
    asked.order = { by, down: asked.order.by === by ? !asked.order.down : true };
    again();
  };
  return card(null,
    table(titled, found.keys, { order: asked.order, onOrder: order, onRow: key => open(key, again), caption: t("page.keys") }),
    pages(found.current_page, found.total_pages, found.total_count, page => { asked.page = page; again(); }));
}

function expired(key) {
  return key.expires && new Date(key.expires) < new Date();
}

function state(key) {
  if (key.blocked) return badge(t("key.blocked"), "bad");
  if (expired(key)) return badge(t("key.expired"), "warn");
  return badge(t("key.active"), "good");
}

function models(key) {
  const names = key.models || [];
  if (!names.length) return h("span", { class: "muted" }, t("models.all"));
  return h("div", { class: "badges" }, names.slice(0, 3).map(name => badge(name)),
    names.length > 3 && badge(`+${number(names.length - 3)}`));
}

// ---- one key

function reveal(key) {
  dialog(t("keys.shown"), [h("p", {}, t("keys.shown.once")),
    h("div", { class: "secret" }, h("code", {}, key), h("button", { class: "primary", onclick: () => copy(key) }, t("copy")))]);
}

function open(key, again) {
  const box = dialog(key.key_alias || key.key_name, [facts(key), actions(key, () => { box.close(); again(); })], { wide: true });
}

function facts(key) {
  const rows = [["key.state", state(key)], ["key.token", h("code", {}, key.token)], ["key.user_id", key.user_id],
    ["key.team_id", key.team_id], ["key.models", models(key)], ["key.spend", bar(key.spend, key.max_budget)],
    ["key.budget_reset_at", key.budget_reset_at && time(key.budget_reset_at)], ["key.rpm_limit", key.rpm_limit],
    ["key.tpm_limit", key.tpm_limit], ["key.max_parallel_requests", key.max_parallel_requests],
    ["key.expires", key.expires && time(key.expires)], ["key.created_at", time(key.created_at)],
    ["key.metadata", key.metadata && Object.keys(key.metadata).length ? h("pre", {}, JSON.stringify(key.metadata, null, 2)) : null]];
  return h("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [h("dt", {}, t(name)), h("dd", {}, value)]));
}

function actions(key, done) {
  if (!mayCreate()) return null;
  const place = h("footer", {});
  const act = (name, run, kind) => h("button", { class: kind, onclick: async event => {
    event.target.disabled = true;
    try {
      await run();
    } catch (error) {
      notice(explain(error), "bad");
    }
    event.target.disabled = false;
  } }, t(name));
  return replace(place,
    act("keys.delete", () => remove(key, done), "danger"),
    act(key.blocked ? "keys.unblock" : "keys.block", () => block(key, done)),
    act("keys.regenerate", () => regenerate(key, done)),
    act("edit", () => start(found => editKey(key, found, async (body, close) => {
      await post("key/update", body);
      close();
      done();
    })), "primary"));
}

async function block(key, done) {
  await post(key.blocked ? "key/unblock" : "key/block", { key: key.token });
  done();
}

async function remove(key, done) {
  const name = key.key_alias || key.key_name;
  if (!await confirm(t("keys.delete"), t("keys.delete.sure", { name }), t("keys.delete"))) return;
  await post("key/delete", { keys: [key.token] });
  notice(t("keys.deleted", { name }));
  done();
}

async function regenerate(key, done) {
  const name = key.key_alias || key.key_name;
  if (!await confirm(t("keys.regenerate"), t("keys.regenerate.sure", { name }), t("keys.regenerate"))) return;
  const made = await post(`key/${encodeURIComponent(key.token)}/regenerate`);
  done();
  reveal(made.key);
}
