// Users: a list with search and pages; one in full with its teams and keys.
import { h } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { confirm, dialog } from "../parts/dialog.js";
import { reveal } from "../parts/keyform.js";
import { keyTable, models } from "../parts/rows.js";
import { isAdmin } from "../parts/session.js";
import { ordered, pages, table } from "../parts/table.js";
import { createUser, editUser } from "../parts/teamform.js";
import { act, badge, bar, card, empty, facts, heading, json, list as listed, loading, notice, search } from "../parts/view.js";
import { day, number, t, time } from "../parts/words.js";

const SIZE = 25;

export function users() {
  const asked = { page: 1, search: "", order: { by: "created_at", down: true } };
  const list = loading(() => get("user/list", { page: asked.page, page_size: SIZE, user_email: asked.search,
    sort_by: asked.order.by, sort_order: asked.order.down ? "desc" : "asc" }), found => show(found, asked, again));
  const again = () => list.again();
  const find = search(t("users.search"), text => { Object.assign(asked, { search: text, page: 1 }); again(); });
  const create = () => createUser(async (body, close) => {
    const made = await post("user/new", body);
    close();
    if (made.key) reveal(made.key);
    again();
  });
  return [heading(t("page.users"), find, isAdmin() && h("button", { class: "primary", onclick: create }, t("users.create"))), list.place];
}

const role = user => badge(user.user_role ? t(`role.${user.user_role}`) : "–");
const called = user => user.user_alias || user.user_email || user.user_id;

function show(found, asked, again) {
  if (!found.users.length) return card(null, empty(asked.search ? t("users.none.found") : t("users.none")));
  const columns = [
    { title: t("user"), sort: "user_email", cell: user => [h("strong", {}, called(user)),
      called(user) !== user.user_id && h("div", { class: "mono muted" }, user.user_id)] },
    { title: t("user.user_email"), cell: user => user.user_email || "–" },
    { title: t("user.user_role"), sort: "user_role", cell: role },
    { title: t("page.keys"), kind: "number", cell: user => number(user.key_count) },
    { title: t("key.spend"), sort: "spend", cell: user => bar(user.spend, user.max_budget) },
    { title: t("key.created_at"), sort: "created_at", cell: user => day(user.created_at) },
  ];
  return card(null, table(columns, found.users, { ...ordered(asked, again), onRow: user => open(user, again), caption: t("page.users") }),
    pages(found.page, found.total_pages, found.total, page => { asked.page = page; again(); }));
}

// ---- one user

function open(row, again) {
  const one = loading(() => get("user/info", { user_id: row.user_id }), found => full(found, one.again, over));
  const box = dialog(called(row), one.place, { wide: true, onclose: again });
  const over = () => box.close();
}

function full({ user_info: user, keys, teams }, again, over) {
  return [
    facts([[t("key.user_id"), h("code", {}, user.user_id)], [t("user.user_email"), user.user_email], [t("user.user_role"), role(user)],
      [t("key.models"), models(user)],
      [t("key.spend"), bar(user.spend, user.max_budget)], [t("key.budget_duration"), user.budget_duration],
      [t("key.budget_reset_at"), user.budget_reset_at && time(user.budget_reset_at)], [t("key.rpm_limit"), user.rpm_limit],
      [t("key.tpm_limit"), user.tpm_limit], [t("key.max_parallel_requests"), user.max_parallel_requests],
      [t("user.teams"), teams?.length ? listed(teams.map(team => team.team_alias || team.team_id), 20) : null],
      [t("key.created_at"), user.created_at && time(user.created_at)], [t("key.metadata"), json(user.metadata)]]),
    h("h2", {}, `${t("page.keys")} (${number(keys.length)})`),
    keyTable(keys),
    isAdmin() && actions(user, again, over)];
}

function actions(user, again, over) {
  const name = called(user);
  return h("footer", {},
    act(t("delete"), async () => {
      if (!await confirm(t("delete"), t("user.delete.sure", { name }), t("delete"))) return;
      await post("user/delete", { user_ids: [user.user_id] });
      notice(t("deleted", { name }));
      over();
    }, "danger"),
    act(t("edit"), () => editUser(user, async (body, close) => {
      await post("user/update", body);
      close();
      again();
    }), "primary"));
}
