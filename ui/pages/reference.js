// The API reference: what /openapi.json says of every route, with a search, an example, and for who is logged in a
// way to try what only reads.
import { h, replace } from "../parts/dom.js";
import { get, root, send, url } from "../parts/api.js";
import { session } from "../parts/session.js";
import { badge, card, copy, empty, explain, heading, loading } from "../parts/view.js";
import { number, t } from "../parts/words.js";

const METHODS = ["get", "post", "patch", "delete"];
const SHOWN_MAX = 200000; // characters of an answer

export function reference() {
  const search = h("input", { type: "search", placeholder: t("reference.search"), "aria-label": t("reference.search"),
    oninput: event => list.firstChild && filter(event.target.value) });
  const list = h("div", { class: "loading-place" });
  let all = [];
  const filter = text => replace(list, groups(all, text));
  const loaded = loading(() => get("openapi.json"), document => {
    all = operations(document);
    filter(search.value);
    return list;
  });
  return [heading(t("page.reference"), search, h("a", { class: "button", href: url("openapi.json").href }, "openapi.json")),
    loaded.place];
}

function operations(document) {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    METHODS.filter(method => methods[method]).map(method => ({ path, method, ...methods[method] })));
}

// Every word must be somewhere in what is shown of a route.
function groups(all, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(one => words.every(word => said(one).includes(word)));
  if (!found.length) return card(null, empty(t("reference.none")));
  const names = [...new Set(found.map(one => one.tags[0]))];
  return names.map(name => card(name, found.filter(one => one.tags[0] === name).map(route)));
}

function said(one) {
  return `${one.method} ${one.path} ${one.summary} ${one.tags[0]}`.toLowerCase();
}

// What is inside is made when it is opened first: there are two hundred of them.
function route(one) {
  const inside = h("div", { class: "inside" });
  const open = event => event.target.open && !inside.firstChild && replace(inside, details(one));
  return h("details", { class: "route", ontoggle: open },
    h("summary", {}, badge(one.method.toUpperCase(), one.method === "get" ? "good" : one.method === "delete" ? "bad" : "warn"),
      h("code", {}, one.path), h("span", { class: "muted" }, one.summary)), inside);
}

function details(one) {
  const body = one.requestBody?.content["application/json"];
  return [h("p", { class: "note" }, `${t("reference.who")}: ${one["x-who-may"]}`),
    members(t("reference.parameters"), one.parameters.map(p => [p.name, p.schema, p.required])),
    body && members(t("reference.body"), Object.entries(body.schema.properties)
      .map(([name, schema]) => [name, schema, (body.schema.required || []).includes(name)])),
    example(one, body), one.method === "get" && session.role && attempt(one)];
}

function members(title, rows) {
  if (!rows.length) return null;
  return [h("h3", {}, title), h("ul", { class: "members" }, rows.map(([name, schema, needed]) => h("li", {},
    h("code", {}, name), " ", h("span", { class: "muted" }, kind(schema)), needed && [" ", badge(t("reference.needed"))])))];
}

function kind(schema) {
  if (schema.items?.type) return `${schema.type} · ${schema.items.type}`;
  return schema.type || "json";
}

// ---- an example

function sample(schema) {
  const made = { integer: 1, number: 1, boolean: true, object: {}, array: [] };
  return schema.type in made ? made[schema.type] : "…";
}

function body(content) {
  if (content.example) return content.example;
  const { properties, required = [] } = content.schema;
  return Object.fromEntries(required.map(name => [name, sample(properties[name])]));
}

function example(one, content) {
  const needed = one.parameters.filter(p => p.in === "query" && p.required).map(p => `${p.name}=…`).join("&");
  const lines = [`curl "${root.href.replace(/\/$/, "")}${one.path}${needed && "?"}${needed}"`];
  if (one.method !== "get" && !(one.method === "post" && content)) lines.push(`-X ${one.method.toUpperCase()}`);
  if (!one.security) lines.push('-H "Authorization: Bearer $LITELLM_API_KEY"');
  if (content) lines.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(body(content))}'`);
  const text = lines.join(" \\\n  ");
  return [h("h3", {}, t("reference.example")), h("div", { class: "row" }, h("pre", {}, text)),
    h("p", {}, h("button", { onclick: () => copy(text) }, t("copy")))];
}

// ---- trying it

function attempt(one) {
  const fields = one.parameters.map(p => [p, h("input", { name: p.name, required: p.required })]);
  const answer = h("div", {});
  async function ask(event) {
    event.preventDefault();
    replace(answer, h("p", { class: "loading", role: "status" }, t("loading")));
    const value = place => fields.filter(([p]) => p.in === place).map(([p, input]) => [p.name, input.value]);
    const path = value("path").reduce((whole, [name, text]) => whole.replace(`{${name}}`, encodeURIComponent(text)), one.path);
    const began = performance.now();
    try {
      const reply = await send("GET", path, { query: Object.fromEntries(value("query")) });
      const text = await reply.text();
      replace(answer, h("p", { class: "note" }, `${reply.status} · ${number(Math.round(performance.now() - began))} ms`),
        h("pre", {}, pretty(text).slice(0, SHOWN_MAX)));
    } catch (error) {
      replace(answer, h("p", { class: "failed", role: "alert" }, explain(error)));
    }
  }
  return h("form", { class: "attempt", onsubmit: ask }, h("h3", {}, t("reference.try")),
    fields.length > 0 && h("div", { class: "fields" }, fields.map(([p, input]) => h("label", {}, h("span", {}, p.name), input))),
    h("p", {}, h("button", { class: "primary" }, t("reference.send"))), answer);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
