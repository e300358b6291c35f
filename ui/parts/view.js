// What every page is made of: states while something loads, messages, cards, badges, bars.
import { add, h, replace, sized } from "./dom.js";
import { money, number, percent, t } from "./words.js";

export function heading(title, ...actions) {
  return h("header", { class: "heading" }, h("h1", { tabindex: "-1" }, title), h("div", { class: "actions" }, actions));
}

export function card(title, ...content) {
  return h("section", { class: "card" }, title && h("h2", {}, title), content);
}

export function figure(title, value, note) {
  return h("div", { class: "card figure" }, h("h3", {}, title), h("p", { class: "value" }, value),
    note && h("p", { class: "note" }, note));
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

// What is known of one thing: [[title, value]]; those without a value are left out.
export function facts(rows) {
  return h("dl", {}, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([title, value]) => [h("dt", {}, title), h("dd", {}, value)]));
}

// A member that is an object: as JSON, when there is anything in it.
export function json(value) {
  return value && Object.keys(value).length ? h("pre", {}, JSON.stringify(value, null, 2)) : null;
}

export function list(names, most = 3) {
  return h("div", { class: "badges" }, names.slice(0, most).map(name => badge(name)),
    names.length > most && badge(`+${number(names.length - most)}`));
}

// `changed(text)` once nobody types any more.
export function search(label, changed) {
  let waiting;
  return h("input", { type: "search", placeholder: label, "aria-label": label, oninput: event => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed(event.target.value.trim()), 250);
  } });
}

// A button that cannot be pressed again while it does what it does; why it failed is told.
export function act(title, run, kind) {
  return h("button", { class: kind, type: "button", onclick: async event => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await run();
    } catch (error) {
      notice(explain(error), "bad");
    }
    button.disabled = false;
  } }, title);
}

// One of several views of the same: [[name, title]].
export function choice(label, options, chosen, choose) {
  const place = h("div", { class: "choice", role: "group", "aria-label": label });
  const press = name => [...place.children].forEach(one => one.setAttribute("aria-pressed", String(one.value === name)));
  const pick = name => { press(name); choose(name); };
  add(place, options.map(([name, title]) => h("button", { type: "button", value: name, onclick: () => pick(name) }, title)));
  press(chosen);
  return place;
}

export function empty(text, ...more) {
  return h("div", { class: "empty" }, h("p", {}, text), more);
}

export function explain(error) {
  if (error.status === 0) return t("error.away");
  if (error.status === 403) return error.message || t("error.forbidden");
  return error.message || t("error.unknown");
}

// Shows what `load` gives once it is there; meanwhile that it loads, and afterwards why it failed, with a way to
// try again. What comes after a newer call has begun is not shown. `redraw`: the same data once more.
export function loading(load, show) {
  const place = h("div", { class: "loading-place" });
  let newest = 0, last = null;
  async function again() {
    const own = ++newest;
    place.setAttribute("aria-busy", "true");
    if (!place.firstChild) replace(place, h("p", { class: "loading", role: "status" }, t("loading")));
    try {
      const data = await load();
      if (own !== newest) return;
      last = { data };
      redraw();
    } catch (error) {
      if (own === newest && error.name !== "AbortError") replace(place, failed(error, again));
    }
    if (own === newest) place.removeAttribute("aria-busy");
  }
  function redraw() {
    if (last) replace(place, show(last.data, again));
  }
  again();
  return { place, again, redraw };
}

function failed(error, again) {
  return h("div", { class: "failed", role: "alert" }, h("p", {}, explain(error)),
    h("button", { onclick: again }, t("again")));
}

// Spent of a budget, as a bar.
export function bar(spent, budget) {
  if (budget === null || budget === undefined) return h("span", { class: "muted" }, money(spent));
  const part = budget > 0 ? Math.min(spent / budget, 1) : 1;
  const kind = part >= 1 ? "bad" : part >= 0.8 ? "warn" : "";
  return h("div", { class: "budget" },
    h("div", { class: "bar", role: "meter", "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": part.toFixed(3),
      "aria-label": percent(part) }, sized(h("div", { class: `fill ${kind}` }), "width", `${part * 100}%`)),
    h("span", { class: "note" }, `${money(spent)} / ${money(budget)}`));
}

let notices;
export function notice(text, kind = "") {
  if (!notices) document.body.append(notices = h("div", { class: "notices", role: "status", "aria-live": "polite" }));
  const one = h("div", { class: `notice ${kind}` }, text);
  notices.append(one);
  setTimeout(() => one.remove(), kind === "bad" ? 10000 : 5000);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice(t("copied"));
  } catch {
    notice(t("copy.failed"), "bad");
  }
}
