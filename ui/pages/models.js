// Deployments: what they are, what they cost and can do, how they fare; a test call of each.
import { h, replace } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { dialog } from "../parts/dialog.js";
import { table } from "../parts/table.js";
import { badge, card, empty, explain, facts, heading, loading, search } from "../parts/view.js";
import { money, number, t, time } from "../parts/words.js";

const ABILITIES = ["function_calling", "vision", "prompt_caching", "reasoning", "response_schema", "pdf_input"];

export function models() {
  const wanted = { text: "" };
  const list = loading(load, found => show(found, wanted));
  const find = search(t("models.search"), text => { wanted.text = text.toLowerCase(); list.redraw(); });
  return [heading(t("page.models"), find), list.place];
}

// Who may not see the health sees the models all the same.
async function load() {
  const [info, health] = await Promise.all([get("v1/model/info"), get("health/latest").catch(() => null)]);
  return { models: info.data, health: health?.latest_health_checks ?? {} };
}

function show({ models: all, health }, wanted) {
  const found = all.filter(model => `${model.model_name} ${model.litellm_params.model}`.toLowerCase().includes(wanted.text));
  if (!found.length) return card(null, empty(all.length ? t("models.none.found") : t("models.none")));
  const columns = [
    { title: t("model.name"), cell: model => [h("strong", {}, model.model_name),
      h("div", { class: "mono muted" }, model.litellm_params.model)] },
    { title: t("model.health"), cell: model => healthOf(health[model.model_info.id] ?? health[model.model_name]) },
    { title: t("model.region"), cell: model => model.litellm_params.aws_region_name || "–" },
    { title: t("model.context"), kind: "number", cell: model => number(model.model_info.max_input_tokens) },
    { title: t("model.input"), kind: "number", cell: model => perMillion(model.model_info.input_cost_per_token) },
    { title: t("model.output"), kind: "number", cell: model => perMillion(model.model_info.output_cost_per_token) },
    { title: t("model.abilities"), cell: abilities },
    { title: t("model.from"), cell: model => badge(model.model_info.db_model ? t("from.database") : t("from.file")) },
  ];
  return card(null, table(columns, found, { onRow: open, caption: t("page.models") }));
}

function perMillion(price) {
  return price === null || price === undefined ? "–" : money(price * 1e6);
}

function healthOf(check) {
  if (!check) return badge(t("health.unknown"));
  return check.status === "healthy" ? badge(t("health.good"), "good") : badge(t("health.bad"), "bad");
}

function abilities(model) {
  const can = ABILITIES.filter(name => model.model_info[`supports_${name}`]);
  return h("div", { class: "badges" }, can.map(name => badge(t(`ability.${name}`))));
}

// ---- one deployment

function open(model) {
  const answer = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary", onclick: () => test(model, button, answer) }, t("model.test"));
  const price = (name, member) => [t(name), perMillion(model.model_info[member])];
  const rows = [[t("model.id"), h("code", {}, model.model_info.id)], [t("model.upstream"), h("code", {}, model.litellm_params.model)],
    [t("model.region"), model.litellm_params.aws_region_name], [t("model.context"), number(model.model_info.max_input_tokens)],
    [t("model.answer"), number(model.model_info.max_output_tokens)], price("model.input", "input_cost_per_token"),
    price("model.output", "output_cost_per_token"), price("model.cache_read", "cache_read_input_token_cost"),
    price("model.cache_write", "cache_creation_input_token_cost"), ["rpm", model.litellm_params.rpm], ["tpm", model.litellm_params.tpm],
    [t("model.created"), model.model_info.created_at && time(model.model_info.created_at)]];
  dialog(model.model_name, [facts(rows), abilities(model), answer, h("footer", {}, button)]);
}

async function test(model, button, place) {
  const begun = performance.now();
  button.disabled = true;
  try {
    const embeds = model.model_info.mode === "embedding";
    const answer = embeds
      ? await post("v1/embeddings", { model: model.model_name, input: "ping" })
      : await post("v1/chat/completions", { model: model.model_name, max_tokens: 16, messages: [{ role: "user", content: "Say hello." }] });
    const text = embeds ? t("model.vector", { n: number(answer.data[0].embedding.length) }) : answer.choices[0].message.content;
    replace(place, h("p", {}, badge(`${number(Math.round(performance.now() - begun))} ms`, "good"), " ", text));
  } catch (error) {
    replace(place, h("p", { class: "failed" }, explain(error)));
  }
  button.disabled = false;
}
