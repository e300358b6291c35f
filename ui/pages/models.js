// Deployments: what they are, what they cost and can do, how they fare; a test call of each. Those that lie in the
// database can be changed here; what the configuration file says is changed there.
import { h, replace } from "../parts/dom.js";
import { get, post } from "../parts/api.js";
import { confirm, dialog } from "../parts/dialog.js";
import { createModel, editModel } from "../parts/modelform.js";
import { isAdmin } from "../parts/session.js";
import { table } from "../parts/table.js";
import { act, badge, card, empty, explain, facts, heading, loading, notice, search } from "../parts/view.js";
import { milliseconds, money, number, t, time } from "../parts/words.js";

const ABILITIES = ["function_calling", "vision", "prompt_caching", "reasoning", "response_schema", "pdf_input"];

export function models() {
  const wanted = { text: "" };
  const list = loading(load, (found, again) => show(found, wanted, again));
  const find = search(t("models.search"), text => { wanted.text = text.toLowerCase(); list.redraw(); });
  const create = () => createModel(async (body, close) => {
    await post("model/new", body);
    close();
    list.again();
  });
  return [heading(t("page.models"), find, isAdmin() && h("button", { class: "primary", onclick: create }, t("models.create"))), list.place];
}

// Who may not see the health or the load sees the models all the same.
async function load() {
  const [info, health, live] = await Promise.all([get("v1/model/info"), get("health/latest").catch(() => null),
    isAdmin() ? get("debug/exchanges").catch(() => null) : null]);
  return { models: info.data, health: health?.latest_health_checks ?? {}, live: live?.deployments ?? {} };
}

function show({ models: all, health, live }, wanted, again) {
  const found = all.filter(model => `${model.model_name} ${model.litellm_params.model}`.toLowerCase().includes(wanted.text));
  if (!found.length) return card(null, empty(all.length ? t("models.none.found") : t("models.none")));
  const columns = [
    { title: t("model.name"), cell: model => [h("strong", {}, model.model_name),
      h("div", { class: "mono muted" }, [model.litellm_params.model, model.litellm_params.aws_region_name].filter(Boolean).join(" · "))] },
    { title: t("model.health"), cell: model => [healthOf(health[model.model_info.id] ?? health[model.model_name]), " ", resting(live[model.model_info.id])] },
    { title: t("model.context"), kind: "number", cell: model => number(model.model_info.max_input_tokens) },
    { title: t("model.input"), kind: "number", cell: model => perMillion(model.model_info.input_cost_per_token) },
    { title: t("model.output"), kind: "number", cell: model => perMillion(model.model_info.output_cost_per_token) },
    { title: t("model.abilities"), cell: abilities },
    { title: t("from"), cell: model => badge(model.model_info.db_model ? t("from.database") : t("from.file")) },
  ];
  return card(null, table(columns, found, { onRow: model => open(model, live[model.model_info.id], again), caption: t("page.models") }));
}

function perMillion(price) {
  return price === null || price === undefined ? "–" : money(price * 1e6);
}

function healthOf(check) {
  if (!check) return badge(t("health.unknown"));
  return check.status === "healthy" ? badge(t("health.good"), "good") : badge(t("health.bad"), "bad");
}

const resting = load => load?.rest_ms > 0 && badge(t("model.rests", { time: milliseconds(load.rest_ms) }), "warn");

function abilities(model) {
  const can = ABILITIES.filter(name => model.model_info[`supports_${name}`]);
  return h("div", { class: "badges" }, can.map(name => badge(t(`ability.${name}`))));
}

// ---- one deployment

function open(model, load, again) {
  const answer = h("div", { "aria-live": "polite" });
  const price = (name, member) => [t(name), perMillion(model.model_info[member])];
  const rows = [[t("model.id"), h("code", {}, model.model_info.id)], [t("model.upstream"), h("code", {}, model.litellm_params.model)],
    [t("model.region"), model.litellm_params.aws_region_name], [t("model.context"), number(model.model_info.max_input_tokens)],
    [t("model.answer"), number(model.model_info.max_output_tokens)], price("model.input", "input_cost_per_token"),
    price("model.output", "output_cost_per_token"), price("model.cache_read", "cache_read_input_token_cost"),
    price("model.cache_write", "cache_creation_input_token_cost"), [t("model.rpm"), model.litellm_params.rpm], [t("model.tpm"), model.litellm_params.tpm],
    ...now(load), [t("model.created"), model.model_info.created_at && time(model.model_info.created_at)]];
  const box = dialog(model.model_name, [facts(rows), abilities(model), !model.model_info.db_model && h("p", { class: "note" }, t("model.file.hint")), answer,
    h("footer", {}, model.model_info.db_model && isAdmin() && changes(model, () => { box.close(); again(); }),
      act(t("model.check"), () => tell(answer, () => check(model))), act(t("model.test"), () => tell(answer, () => test(model)), "primary"))]);
}

// What it does, as far as one may see it.
function now(load) {
  if (!load) return [];
  const failed = Object.values(load.failed).reduce((sum, n) => sum + n, 0);
  return [[t("model.now"), t("model.running", { running: number(load.running), requests: number(load.requests_per_minute), tokens: number(load.tokens_per_minute) })],
    [t("model.calls"), t("model.calls.of", { calls: number(load.calls), failed: number(failed), throttled: number(load.throttled) })], [t("model.cooldown"), resting(load) || null]];
}

function changes(model, done) {
  const name = model.model_name;
  return [
    act(t("delete"), async () => {
      if (!await confirm(t("delete"), t("delete.sure", { name }), t("delete"))) return;
      await post("model/delete", { id: model.model_info.id });
      notice(t("deleted", { name }));
      done();
    }, "danger"),
    act(t("edit"), () => editModel(model, async (body, close) => {
      await post("model/update", body);
      close();
      done();
    }))];
}

// Shows what `run` gives and how long that took, or why it failed.
async function tell(place, run) {
  const begun = performance.now();
  try {
    const text = await run();
    replace(place, h("p", {}, badge(milliseconds(performance.now() - begun), "good"), " ", text));
  } catch (error) {
    replace(place, h("p", { class: "failed" }, explain(error)));
  }
}

async function check(model) {
  const found = await get("health", { model_id: model.model_info.id });
  if (!found.healthy_count) throw new Error(found.unhealthy_endpoints[0]?.error || t("health.bad"));
  return t("health.good");
}

async function test(model) {
  if (model.model_info.mode === "embedding") {
    const answer = await post("v1/embeddings", { model: model.model_name, input: "ping" });
    return t("model.vector", { n: number(answer.data[0].embedding.length) });
  }
  const answer = await post("v1/chat/completions", { model: model.model_name, max_tokens: 16, messages: [{ role: "user", content: "Say hello." }] });
  return answer.choices[0].message.content;
}
