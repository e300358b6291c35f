// The form of a virtual key: the same fields to create and to edit one.
import { h } from "./dom.js";
import { dialog, edited, form } from "./dialog.js";
import { copy } from "./view.js";
import { t } from "./words.js";

function fields(key, models) {
  const text = (name, more) => ({ name, label: t(`key.${name}`), value: key[name], ...more });
  return [
    text("key_alias"),
    text("models", { kind: "list", hint: t("key.models.hint", { models: models.slice(0, 6).join(", ") }) }),
    text("max_budget", { kind: "number" }),
    text("budget_duration", { placeholder: "30d", hint: t("duration.hint") }),
    text("duration", { value: undefined, placeholder: "90d", hint: t("key.duration.hint") }),
    text("rpm_limit", { kind: "number", step: 1 }),
    text("tpm_limit", { kind: "number", step: 1 }),
    text("max_parallel_requests", { kind: "number", step: 1 }),
    text("user_id"),
    text("team_id"),
    text("tags", { kind: "list", value: key.metadata?.tags ?? [] }),
    text("soft_budget", { kind: "number" }),
    text("aliases", { kind: "json", value: filled(key.aliases), hint: t("key.aliases.hint") }),
    text("model_max_budget", { kind: "json", value: filled(key.model_max_budget), hint: t("key.model_max_budget.hint") }),
    text("metadata", { kind: "json", value: filled(key.metadata) }),
  ];
}

function filled(object) {
  return object && Object.keys(object).length ? object : "";
}

// A key that is created may have its own name of a kind; an existing one keeps it.
function kind() {
  const kinds = ["default", "llm_api", "management", "read_only"];
  return { name: "key_type", label: t("key.key_type"), kind: "select", value: "default",
    options: kinds.map(one => [one, t(`key.key_type.${one}`)]) };
}

export function createKey(models, save) {
  form(t("keys.create"), [...fields({}, models), kind()], t("create"), save);
}

export function editKey(key, models, save) {
  form(t("keys.edit"), fields(key, models), t("save"), (values, close) => save({ key: key.token, ...edited(key, values, EMPTY) }, close));
}

const EMPTY = { models: [], tags: [], aliases: {}, model_max_budget: {}, metadata: {} };

// The one time that a key is there to be read.
export function reveal(key) {
  dialog(t("keys.shown"), [h("p", {}, t("keys.shown.once")),
    h("div", { class: "secret" }, h("code", {}, key), h("button", { class: "primary", onclick: () => copy(key) }, t("copy")))]);
}
