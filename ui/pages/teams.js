// Teams: a list with search and pages; one in full with its members and keys.
import { h } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { confirm, dialog } from "../parts/dialog.js";
import { addMember, createTeam, editMember, editTeam } from "../parts/teamform.js";
import { keyTable, models } from "../parts/rows.js";
import { isAdmin } from "../parts/session.js";
import { ordered, pages, table } from "../parts/table.js";
import { act, badge, bar, card, empty, facts, heading, json, loading, notice, search } from "../parts/view.js";
import { day, number, t, time } from "../parts/words.js";

const SIZE = 25;

export function teams() {
  const asked = { page: 1, search: "", order: { by: "created_at", down: true } };
  const list = loading(() => get("v2/team/list", { page: asked.page, page_size: SIZE, team_alias: asked.search,
    sort_by: asked.order.by, sort_order: asked.order.down ? "desc" : "asc" }), found => show(found, asked, again));
  const again = () => list.again();
  const find = search(t("teams.search"), text => { Object.assign(asked, { search: text, page: 1 }); again(); });
  const create = async () => createTeam((await get("team/metadata_schema")).fields, async (body, close) => {
    await post("team/new", body);
    close();
    again();
  });
  return [heading(t("page.teams"), find, isAdmin() && h("button", { class: "primary", onclick: create }, t("teams.create"))), list.place];
}

function show(found, asked, again) {
  if (!found.teams.length) return card(null, empty(asked.search ? t("teams.none.found") : t("teams.none")));
  const columns = [
    { title: t("name"), sort: "team_alias", cell: team => [h("strong", {}, team.team_alias || "–"), h("div", { class: "mono muted" }, team.team_id)] },
    { title: t("key.state"), cell: state },
    { title: t("members"), kind: "number", cell: team => number(team.members_count) },
    { title: t("key.models"), cell: models },
    { title: t("key.spend"), sort: "spend", cell: team => bar(team.spend, team.max_budget) },
    { title: t("key.created_at"), sort: "created_at", cell: team => day(team.created_at) },
  ];
  return card(null, table(columns, found.teams, { ...ordered(asked, again), onRow: team => open(team, again), caption: t("page.teams") }),
    pages(found.page, found.total_pages, found.total, page => { asked.page = page; again(); }));
}

const state = team => (team.blocked ? badge(t("key.blocked"), "bad") : badge(t("key.active"), "good"));

// ---- one team

function open(row, again) {
  const one = loading(() => get("team/info", { team_id: row.team_id }), found => full(found, one.again, over));
  const box = dialog(row.team_alias || row.team_id, one.place, { wide: true, onclose: again });
  const over = () => box.close();
}

function full({ team_info: team, keys, team_memberships: memberships }, again, over) {
  return [
    facts([[t("key.state"), state(team)], [t("team.team_id"), h("code", {}, team.team_id)], [t("key.models"), models(team)],
      [t("key.spend"), bar(team.spend, team.max_budget)], [t("key.budget_duration"), team.budget_duration],
      [t("key.budget_reset_at"), team.budget_reset_at && time(team.budget_reset_at)], [t("key.rpm_limit"), team.rpm_limit],
      [t("key.tpm_limit"), team.tpm_limit], [t("key.created_at"), time(team.created_at)], [t("key.metadata"), json(team.metadata)]]),
    members(team, new Map(memberships.map(one => [one.user_id, one])), again),
    h("h2", {}, `${t("page.keys")} (${number(keys.length)})`),
    keyTable(keys),
    isAdmin() && actions(team, again, over)];
}

function members(team, memberships, again) {
  const done = async (path, body, close) => {
    await post(path, body);
    close?.();
    again();
  };
  const budget = member => memberships.get(member.user_id)?.litellm_budget_table?.max_budget ?? null;
  const columns = [
    { title: t("user"), cell: member => [h("strong", {}, member.user_email || member.user_id || "–"),
      member.user_email && member.user_email !== member.user_id && h("div", { class: "mono muted" }, member.user_id)] },
    { title: t("user.user_role"), cell: member => t(member.role === "admin" ? "member.admin" : "member.user") },
    { title: t("key.spend"), cell: member => bar(memberships.get(member.user_id)?.spend ?? 0, budget(member)) },
    isAdmin() && { title: "", cell: member => h("div", { class: "row" },
      act(t("edit"), () => editMember(team, member, budget(member), (body, close) => done("team/member_update", body, close))),
      act(t("remove"), async () => {
        const name = member.user_email || member.user_id;
        if (await confirm(t("remove"), t("member.remove.sure", { name }), t("remove")))
          await done("team/member_delete", { team_id: team.team_id, user_id: member.user_id });
      }, "danger")) },
  ].filter(Boolean);
  const all = team.members_with_roles ?? [];
  return [h("div", { class: "heading" }, h("h2", {}, `${t("members")} (${number(all.length)})`),
    isAdmin() && h("button", { onclick: () => addMember(team, (body, close) => done("team/member_add", body, close)) }, t("members.add"))),
  all.length ? table(columns, all, { caption: t("members") }) : h("p", { class: "muted" }, t("members.none"))];
}

function actions(team, again, over) {
  const name = team.team_alias || team.team_id;
  return h("footer", {},
    act(t("delete"), async () => {
      if (!await confirm(t("delete"), t("team.delete.sure", { name }), t("delete"))) return;
      await post("team/delete", { team_ids: [team.team_id] });
      notice(t("deleted", { name }));
      over();
    }, "danger"),
    act(t(team.blocked ? "unblock" : "block"), async () => {
      await post(team.blocked ? "team/unblock" : "team/block", { team_id: team.team_id });
      again();
    }),
    act(t("edit"), () => editTeam(team, async (body, close) => {
      await post("team/update", body);
      close();
      again();
    }), "primary"));
}
