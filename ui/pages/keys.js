// Virtual keys: a list with search and pages, one in full, what can be done with it.
import { h } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { confirm, dialog } from "../parts/dialog.js";
import { createKey, editKey, reveal } from "../parts/keyform.js";
import { keyName, models } from "../parts/rows.js";
import { isAdmin, seesAll } from "../parts/session.js";
import { ordered, pages, table } from "../parts/table.js";
import { act, badge, bar, card, empty, explain, facts, heading, json, loading, notice, search } from "../parts/view.js";
import { day, t, time } from "../parts/words.js";

const SIZE = 25;

export function keys() {
  const asked = { page: 1, search: "", order: { by: "created_at", down: true } };
  const list = loading(() => get("key/list", query(asked)), found => show(found, asked, again));
  const again = () => list.again();
  const find = search(t("keys.search"), text => { Object.assign(asked, { search: text, page: 1 }); again(); });
  const create = () => start(values => createKey(values, async (body, close) => {
    const made = await post("key/generate", body);
    close();
    reveal(made.key);
    again();
  }));
  return [heading(t("page.keys"), find, mayCreate() && h("button", { class: "primary", onclick: create }, t("keys.create"))),
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
  { title: () => t("key.key_alias"), sort: "key_alias", cell: keyName },
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
  return card(null,
    table(titled, found.keys, { ...ordered(asked, again), onRow: key => open(key, again), caption: t("page.keys") }),
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

// ---- one key

function open(key, again) {
  const box = dialog(key.key_alias || key.key_name, [about(key), actions(key, () => { box.close(); again(); })], { wide: true });
}

function about(key) {
  const rows = [["key.state", state(key)], ["key.token", h("code", {}, key.token)], ["key.user_id", key.user_id],
    ["key.team_id", key.team_id], ["key.models", models(key)], ["key.spend", bar(key.spend, key.max_budget)],
    ["key.budget_reset_at", key.budget_reset_at && time(key.budget_reset_at)], ["key.rpm_limit", key.rpm_limit],
    ["key.tpm_limit", key.tpm_limit], ["key.max_parallel_requests", key.max_parallel_requests],
    ["key.expires", key.expires && time(key.expires)], ["key.created_at", time(key.created_at)],
    ["key.metadata", json(key.metadata)]];
  return facts(rows.map(([name, value]) => [t(name), value]));
}

function actions(key, done) {
  if (!mayCreate()) return null;
  return h("footer", {},
    act(t("delete"), () => remove(key, done), "danger"),
    act(t(key.blocked ? "unblock" : "block"), () => block(key, done)),
    act(t("keys.regenerate"), () => regenerate(key, done)),
    act(t("edit"), () => start(found => editKey(key, found, async (body, close) => {
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
  if (!await confirm(t("delete"), t("delete.sure", { name }), t("delete"))) return;
  await post("key/delete", { keys: [key.token] });
  notice(t("deleted", { name }));
  done();
}

async function regenerate(key, done) {
  const name = key.key_alias || key.key_name;
  if (!await confirm(t("keys.regenerate"), t("keys.regenerate.sure", { name }), t("keys.regenerate"))) return;
  const made = await post(`key/${encodeURIComponent(key.token)}/regenerate`);
  done();
  reveal(made.key);
}
