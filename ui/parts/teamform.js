// The forms of teams, their members, and users.
import { edited, form } from "./dialog.js";
import { t } from "./words.js";

const EMPTY = { models: [], metadata: {}, model_aliases: {} };

function limits(row) {
  const field = (name, more) => ({ name, label: t(`key.${name}`), value: row[name], ...more });
  return [
    field("models", { kind: "list", hint: t("models.hint") }),
    field("max_budget", { kind: "number" }),
    field("budget_duration", { placeholder: "30d", hint: t("duration.hint") }),
    field("rpm_limit", { kind: "number", step: 1 }),
    field("tpm_limit", { kind: "number", step: 1 }),
    field("max_parallel_requests", { kind: "number", step: 1 }),
    field("metadata", { kind: "json", value: Object.keys(row.metadata ?? {}).length ? row.metadata : "" }),
  ];
}

// Teams' rows have no requests at once.
const ofTeam = row => [{ name: "team_alias", label: t("name"), value: row.team_alias, required: true },
  ...limits(row).filter(field => field.name !== "max_parallel_requests")];

// `schema`: members that metadata is meant to have.
export function createTeam(schema, save) {
  const metadata = Object.fromEntries(schema.map(({ key }) => [key, ""]));
  form(t("teams.create"), [...ofTeam({ metadata }), { name: "team_id", label: t("team.team_id"), hint: t("id.hint") }], t("create"), save);
}

export function editTeam(team, save) {
  form(t("teams.edit"), ofTeam(team), t("save"), (values, close) => save({ team_id: team.team_id, ...edited(team, values, EMPTY) }, close));
}

const roles = () => [["user", t("member.user")], ["admin", t("member.admin")]];

export function addMember(team, save) {
  form(t("members.add"), [
    { name: "who", label: t("member.who"), required: true, hint: t("member.who.hint") },
    { name: "role", label: t("user.user_role"), kind: "select", value: "user", options: roles() },
    { name: "max_budget_in_team", label: t("member.budget"), kind: "number" },
  ], t("members.add"), ({ who, role, max_budget_in_team }, close) =>
    save({ team_id: team.team_id, max_budget_in_team, member: { role, [who.includes("@") ? "user_email" : "user_id"]: who } }, close));
}

export function editMember(team, member, budget, save) {
  form(member.user_email || member.user_id, [
    { name: "role", label: t("user.user_role"), kind: "select", value: member.role, options: roles() },
    { name: "max_budget_in_team", label: t("member.budget"), kind: "number", value: budget },
  ], t("save"), (values, close) => save({ team_id: team.team_id, user_id: member.user_id, role: values.role,
    ...edited({ max_budget_in_team: budget }, { max_budget_in_team: values.max_budget_in_team }) }, close));
}

const ROLES = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

const ofUser = row => [
  { name: "user_email", label: t("user.user_email"), value: row.user_email },
  { name: "user_alias", label: t("name"), value: row.user_alias },
  { name: "user_role", label: t("user.user_role"), kind: "select", value: row.user_role ?? "internal_user", options: ROLES.map(role => [role, t(`role.${role}`)]) },
  ...limits(row)];

export function createUser(save) {
  form(t("users.create"), [...ofUser({}), { name: "user_id", label: t("user.user_id"), hint: t("id.hint") },
    { name: "teams", label: t("user.teams"), kind: "list", hint: t("user.teams.hint") },
    { name: "auto_create_key", label: t("user.key"), kind: "checkbox" }], t("create"), save);
}

export function editUser(user, save) {
  form(t("users.edit"), ofUser(user), t("save"), (values, close) => save({ user_id: user.user_id, ...edited(user, values, EMPTY) }, close));
}
