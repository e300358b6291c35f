// What rows of keys, teams and users have in common.
import { h } from "./dom.js";
import { table } from "./table.js";
import { bar, list } from "./view.js";
import { t } from "./words.js";

export function models(row) {
  return row.models?.length ? list(row.models) : h("span", { class: "muted" }, t("models.all"));
}

export function keyName(key) {
  return [h("strong", {}, key.key_alias || "–"), h("div", { class: "mono muted" }, key.key_name || "")];
}

// The keys of a team or a user.
export function keyTable(keys) {
  if (!keys.length) return h("p", { class: "muted" }, t("keys.none"));
  return table([{ title: t("key.key_alias"), cell: keyName }, { title: t("key.user_id"), cell: key => key.user_id || "–" },
    { title: t("key.spend"), cell: key => bar(key.spend, key.max_budget) }], keys, { caption: t("page.keys") });
}
