// The lists of fallbacks, edited by their order: what is tried when a group fails. What would be stored is shown before
// it is, and each line can be tried.
import { h, replace } from "./dom.js";
import { post } from "./api.js";
import { act, badge, card, notice } from "./view.js";
import { t } from "./words.js";

const SETTING = "router_settings";

// [{group: [others]}], in either of the two forms → [[group, others]]
function lines(value) {
  return (value ?? []).flatMap(one => (one.model ? [[one.model, [].concat(one.fallback ?? one.fallbacks ?? [])]] : Object.entries(one).map(([group, others]) => [group, [].concat(others)])));
}

// `setting`: of /config/list. `all`: it is one list for every group.
export function fallbacks(setting, groups, editable, again) {
  const name = setting.field_name, all = name === "default_fallbacks";
  const chains = all ? [["", [...(setting.field_value ?? [])]]] : lines(setting.field_value).map(([group, others]) => [group, [...others]]);
  const before = JSON.stringify(chains), place = h("div", { class: "chains" });
  const value = () => (all ? chains[0][1] : chains.filter(([group, others]) => group && others.length).map(([group, others]) => ({ [group]: others })));
  const save = async () => {
    await post("config/update", { [SETTING]: { [name]: value().length ? value() : null } });
    notice(t("saved"));
    again();
  };
  const draw = () => {
    const changed = JSON.stringify(chains) !== before;
    replace(place, chains.map((chain, i) => line(chain, { groups, editable, all, draw, remove: () => { chains.splice(i, 1); draw(); } })),
      !chains.length && h("p", { class: "muted" }, t("fallbacks.none")),
      editable && h("div", { class: "row" }, !all && h("button", { type: "button", onclick: () => { chains.push([groups.find(group => !chains.some(([one]) => one === group)) ?? groups[0], []]); draw(); } }, t("fallbacks.add")),
        changed && [act(t("save"), save, "primary"), h("button", { type: "button", onclick: again }, t("cancel"))]),
      changed && [h("p", { class: "note" }, t("fallbacks.preview")), h("pre", {}, JSON.stringify({ [SETTING]: { [name]: value() } }, null, 2))]);
  };
  draw();
  return card(h("span", {}, t(`fallbacks.${name}`), " ", source(setting)), h("p", { class: "note" }, t(`fallbacks.${name}.hint`)), place);
}

export function source(setting) {
  if (setting.stored_in_db === null) return badge(t("from.default"));
  return setting.stored_in_db ? badge(t("from.database"), "good") : badge(t("from.file"), "warn");
}

// A group and those behind it, in the order in which they are tried.
function line(chain, { groups, editable, all, draw, remove }) {
  const [group, others] = chain;
  const move = (i, by) => { others.splice(i + by, 0, others.splice(i, 1)[0]); draw(); };
  const left = groups.filter(one => one !== group && !others.includes(one));
  const answer = h("span", { class: "note", "aria-live": "polite" });
  const first = all ? h("strong", {}, t("fallbacks.any")) : editable
    ? h("select", { "aria-label": t("fallbacks.group"), onchange: event => { chain[0] = event.target.value; draw(); } }, options([...new Set([group, ...groups])], group)) : h("strong", {}, group);
  return h("div", { class: "chain", role: "group", "aria-label": group || t("fallbacks.any") }, first, others.map((one, i) => [h("span", { "aria-hidden": "true" }, "→"), h("span", { class: "step" }, one,
    editable && [i > 0 && small("↑", "fallbacks.earlier", one, () => move(i, -1)), i < others.length - 1 && small("↓", "fallbacks.later", one, () => move(i, 1)),
      small("×", "fallbacks.remove", one, () => { others.splice(i, 1); draw(); })])]),
  editable && left.length > 0 && h("select", { "aria-label": t("fallbacks.next"), onchange: event => { others.push(event.target.value); draw(); } }, h("option", { value: "" }, t("fallbacks.next")), options(left)),
  !all && act(t("fallbacks.try"), () => attempt(group, answer)), editable && !all && act(t("remove"), remove, "danger"), answer);
}

const options = (names, chosen) => names.map(name => h("option", { value: name, selected: name === chosen }, name));
const small = (sign, text, name, run) => h("button", { type: "button", class: "plain", "aria-label": t(text, { name }), title: t(text, { name }), onclick: run }, sign);

// As it is now: the group is taken for failed.
async function attempt(group, place) {
  const answer = await post("v1/chat/completions", { model: group, mock_testing_fallbacks: true, max_tokens: 16, messages: [{ role: "user", content: "ping" }] });
  replace(place, t("fallbacks.tried", { model: answer.model }));
}
