// Dialogs on the browser's own element: focus stays inside, Escape closes.
import { h } from "./dom.js";
import { t } from "./words.js";
import { explain } from "./view.js";

export function dialog(title, content, { wide, onclose } = {}) {
  const box = h("dialog", { class: wide && "wide", "aria-label": title, onclose: () => { box.remove(); onclose?.(); } },
    h("header", {}, h("h2", {}, title),
      h("button", { class: "plain close", "aria-label": t("close"), onclick: () => box.close() }, "×")),
    content);
  document.body.append(box);
  box.showModal();
  return box;
}

// Asks before something that cannot be undone; true if so chosen.
export function confirm(title, text, action) {
  return new Promise(answer => {
    let sure = false;
    const box = dialog(title, [h("p", {}, text), h("footer", {},
      h("button", { onclick: () => box.close() }, t("cancel")),
      h("button", { class: "danger", onclick: () => { sure = true; box.close(); } }, action))],
    { onclose: () => answer(sure) });
  });
}

// A form in a dialog. Fields: {name, label, kind: text|number|select|checkbox|area|list|json, options, value, hint,
// required, min, step}. `save(values)` may throw: the reason is shown, and the dialog stays. Fields left empty are
// undefined.
export function form(title, fields, action, save) {
  const problem = h("p", { class: "failed", role: "alert", hidden: true });
  const inputs = fields.map(field => ({ field, input: input(field) }));
  const button = h("button", { class: "primary", type: "submit" }, action);
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    problem.hidden = true;
    try {
      await save(values(inputs), () => box.close());
    } catch (error) {
      problem.textContent = explain(error);
      problem.hidden = false;
    }
    button.disabled = false;
  }
  const box = dialog(title, h("form", { onsubmit: submit },
    h("div", { class: "fields" }, inputs.map(one => labelled(one.field, one.input))), problem,
    h("footer", {}, h("button", { type: "button", onclick: () => box.close() }, t("cancel")), button)),
  { wide: fields.length > 8 });
  return box;
}

// The members of a change: what was filled in; what was emptied becomes null, or what `empty` has for it.
export function edited(old, values, empty = {}) {
  const body = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) body[name] = value;
    else if (old[name] !== undefined && old[name] !== null && name !== "duration") body[name] = empty[name] ?? null;
  }
  return body;
}

function labelled(field, control) {
  const hint = field.hint && h("small", {}, field.hint);
  if (field.kind === "checkbox") return h("label", { class: "check" }, control, h("span", {}, field.label), hint);
  return h("label", {}, h("span", {}, field.label, field.required && " *"), control, hint);
}

function input(field) {
  const common = { name: field.name, required: field.required, placeholder: field.placeholder };
  const value = field.value ?? "";
  switch (field.kind) {
  case "select":
    return h("select", common, field.options.map(([key, text]) =>
      h("option", { value: key, selected: key === value }, text)));
  case "checkbox": return h("input", { ...common, type: "checkbox", checked: Boolean(value) });
  case "area":
  case "json": return h("textarea", { ...common, rows: 4, spellcheck: "false" },
    value === "" || field.kind === "area" ? value : JSON.stringify(value, null, 2));
  case "number": return h("input", { ...common, type: "number", min: field.min ?? 0, step: field.step ?? "any", value });
  case "password": return h("input", { ...common, type: "password", autocomplete: "off", value });
  case "list": return h("input", { ...common, value: Array.isArray(value) ? value.join(", ") : value, spellcheck: "false" });
  default: return h("input", { ...common, value, spellcheck: "false", autocomplete: "off" });
  }
}

function values(inputs) {
  const found = {};
  for (const { field, input: control } of inputs) {
    const text = control.value.trim();
    if (field.kind === "checkbox") found[field.name] = control.checked;
    else if (text === "") found[field.name] = undefined;
    else if (field.kind === "number") found[field.name] = Number(text);
    else if (field.kind === "list") found[field.name] = text.split(",").map(one => one.trim()).filter(Boolean);
    else if (field.kind === "json") found[field.name] = read(field, text);
    else found[field.name] = text;
  }
  return found;
}

function read(field, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(t("error.json", { name: field.label }));
  }
}
