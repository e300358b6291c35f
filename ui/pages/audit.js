// Who changed what: filters, pages; one change with what was there before and what was written.
import { h } from "../parts/dom.js";
import { get } from "../parts/api.js";
import { remember } from "../parts/address.js";
import { dialog } from "../parts/dialog.js";
import { ordered, pages, table } from "../parts/table.js";
import { badge, card, empty, facts, heading, loading } from "../parts/view.js";
import { moment, t } from "../parts/words.js";

const SIZE = 25;
const ACTIONS = ["", "created", "updated", "blocked", "rotated", "deleted"];
const TABLES = ["", "VerificationToken", "TeamTable", "UserTable", "ProxyModelTable", "CredentialsTable", "OrganizationTable",
  "OrganizationMembership", "EndUserTable", "TagTable", "BudgetTable", "Config"];
const TEXTS = ["changed_by", "object_id"];
const PREFIX = "LiteLLM_";

export function audit(query) {
  const asked = {}, list = { page: 1, order: { by: "updated_at", down: true } };
  for (const name of ["action", "table_name", ...TEXTS]) asked[name] = query.get(name) ?? "";
  const all = loading(() => get("audit", parameters(asked, list)), found => show(found, asked, list, () => all.again()));
  const set = name => event => { asked[name] = event.target.value.trim(); list.page = 1; remember("audit", asked); all.again(); };
  const pick = (name, values, text) => h("select", { "aria-label": t(`audit.${name}`), onchange: set(name) },
    values.map(value => h("option", { value, selected: value === asked[name] }, text(value))));
  return [heading(t("page.audit"), pick("action", ACTIONS, value => t(`audit.action.${value || "all"}`)),
    pick("table_name", TABLES, value => value || t("audit.table.all"))),
  h("div", { class: "filters" }, TEXTS.map(name => h("input", { placeholder: t(`audit.${name}`), "aria-label": t(`audit.${name}`),
    value: asked[name], spellcheck: "false", onchange: set(name) }))), all.place];
}

function parameters({ table_name, ...rest }, { page, order }) {
  return { ...rest, table_name: table_name && PREFIX + table_name, page, page_size: SIZE, sort_by: order.by, sort_order: order.down ? "desc" : "asc" };
}

const tableOf = row => row.table_name.replace(PREFIX, "");
const action = row => badge(t(`audit.action.${row.action}`), { created: "good", deleted: "bad", blocked: "bad" }[row.action]);

function show(found, asked, list, again) {
  if (!found.total) return card(null, empty(t(Object.values(asked).some(Boolean) ? "audit.none.found" : "audit.none")));
  const columns = [
    { title: t("logs.time"), sort: "updated_at", cell: row => h("span", { title: row.updated_at }, moment(row.updated_at)) },
    { title: t("audit.action"), sort: "action", cell: action },
    { title: t("audit.table_name"), sort: "table_name", cell: tableOf },
    { title: t("audit.object_id"), sort: "object_id", cell: row => h("span", { class: "mono" }, row.object_id) },
    { title: t("audit.changed_by"), sort: "changed_by", cell: row => row.changed_by || "–" },
  ];
  return card(null, table(columns, found.audit_logs, { ...ordered(list, again), onRow: open, caption: t("page.audit") }),
    pages(found.page, found.total_pages, found.total, page => { list.page = page; again(); }));
}

// The members that were written; of a row that is gone all that it had.
function open(row) {
  const before = row.before_value ?? {}, after = row.updated_values ?? {};
  const names = Object.keys(row.action === "deleted" ? before : after);
  const columns = [
    { title: t("audit.member"), cell: name => h("strong", {}, name) },
    { title: t("audit.before"), cell: name => value(before[name]) },
    { title: t("audit.after"), cell: name => value(after[name]) },
  ];
  dialog(`${tableOf(row)} · ${row.object_id}`, [
    facts([[t("logs.time"), moment(row.updated_at)], [t("audit.action"), action(row)], [t("audit.changed_by"), row.changed_by],
      [t("audit.key"), h("span", { class: "mono" }, row.changed_by_api_key)]]),
    table(columns, names, { caption: t("audit.member") })], { wide: true });
}

function value(v) {
  return v === undefined ? "–" : h("span", { class: "mono" }, typeof v === "string" ? v : JSON.stringify(v));
}
