// One request of the log in full: who asked, what it cost and why, where the time went, what was said.
import { h, sized } from "./dom.js";
import { table } from "./table.js";
import { badge, facts, json, list } from "./view.js";
import { milliseconds, moment, money, number, t } from "./words.js";

export function request(row, bodies) {
  const about = row.metadata ?? {}, error = about.error_information;
  return [
    error && h("p", { class: "failed" }, h("strong", {}, `${error.error_code} ${error.error_class}`), h("br"), error.error_message),
    h("div", { class: "halves" }, facts(who(row, about)), facts(cost(row, about))),
    h("h2", {}, t("request.times")), times(row, about),
    about.attempts?.length ? [h("h2", {}, t("request.attempts")), attempts(about.attempts)] : null,
    h("h2", {}, t("request.said")), said(bodies),
    h("details", {}, h("summary", {}, t("key.metadata")), json(about)),
  ];
}

function who(row, about) {
  return [[t("request.id"), h("code", {}, row.request_id)], [t("logs.time"), moment(row.startTime)], [t("request.kind"), row.call_type],
    [t("model.name"), row.model_group], [t("model.upstream"), row.model && h("code", {}, row.model)],
    [t("logs.key_alias"), about.user_api_key_alias], [t("logs.user_id"), row.user], [t("logs.team_id"), row.team_id], [t("logs.end_user"), row.end_user],
    [t("key.tags"), row.request_tags?.length ? list(row.request_tags, 10) : null], [t("request.session"), row.session_id && h("code", {}, row.session_id)],
    [t("request.address"), row.requester_ip_address], [t("request.agent"), about.user_agent]];
}

function cost(row, about) {
  const parts = about.cost_breakdown ?? {}, tokens = about.usage_object ?? {};
  const read = tokens.prompt_tokens_details?.cached_tokens ?? 0, written = tokens.prompt_tokens_details?.cache_creation_tokens ?? 0;
  const thought = tokens.completion_tokens_details?.reasoning_tokens;
  const both = (count, price) => `${number(count)} · ${money(price)}`;
  return [[t("request.input"), both(row.prompt_tokens - read - written, (parts.input_cost ?? 0) - (parts.cache_read_cost ?? 0) - (parts.cache_creation_cost ?? 0))],
    [t("request.cache_read"), read ? both(read, parts.cache_read_cost) : null], [t("request.cache_write"), written ? both(written, parts.cache_creation_cost) : null],
    [t("request.output"), both(row.completion_tokens, parts.output_cost ?? 0)], [t("request.thinking"), thought ? number(thought) : null],
    [t("key.spend"), h("strong", {}, money(row.spend))],
    [t("logs.cached"), row.cache_hit === "True" ? badge(t("request.kept"), "good") : null]];
}

// ---- where the time went

const shown = ["AUTH", "BODY", "ADMIT", "LOOKUP", "LIMIT", "ROUTE", "PLACE", "CREDENTIALS", "FETCH", "RECALL", "CALL", "AGAIN", "RELAY", "BATCH", "ANSWER", "FLUSH"];

// [name, begin, length, kind], in ms since the request came.
function bars(row, about, whole) {
  let at = 0;
  const found = [];
  for (const [name, ms] of Object.entries(about.stages ?? {})) {
    found.push([shown.includes(name) ? t(`stage.${name.toLowerCase()}`) : name, at, ms, ""]);
    at += ms;
  }
  for (const one of about.attempts ?? [])
    found.push([`${one.model_group} ${one.region}`, one.start_ms, one.duration_ms, one.error_class ? "bad" : "good"]);
  const first = Date.parse(row.completionStartTime) - Date.parse(row.startTime);
  if (first > 0 && first < whole) found.push([t("request.first"), 0, first, "warn"]);
  return found;
}

function times(row, about) {
  const whole = Math.max(Date.parse(row.endTime) - Date.parse(row.startTime), row.request_duration_ms ?? 0, 1);
  return h("div", { class: "waterfall", role: "list", "aria-label": t("request.times") },
    bars(row, about, whole).map(([name, begin, ms, kind]) => {
      const bar = sized(sized(h("div", { class: `fill ${kind}` }), "margin-inline-start", percentage(begin, whole)), "width", percentage(ms, whole));
      return h("div", { class: "stage", role: "listitem" }, h("span", {}, name), h("div", { class: "track" }, bar), h("span", { class: "number" }, milliseconds(ms)));
    }),
    h("div", { class: "stage", role: "listitem" }, h("strong", {}, t("request.whole")), h("div", {}), h("strong", { class: "number" }, milliseconds(whole))));
}

const percentage = (part, whole) => `${Math.min(100, (part / whole) * 100).toFixed(2)}%`;

function attempts(all) {
  return table([
    { title: "", cell: one => (one.error_class ? badge(String(one.status), "bad") : badge(t("logs.status.success"), "good")) },
    { title: t("model.name"), cell: one => [h("strong", {}, one.model_group), h("div", { class: "mono muted" }, `${one.model} · ${one.region}`)] },
    { title: t("request.begun"), kind: "number", cell: one => milliseconds(one.start_ms) },
    { title: t("logs.took"), kind: "number", cell: one => milliseconds(one.duration_ms) },
    { title: t("request.error"), cell: one => (one.error_class ? `${one.error_class}: ${one.error_message}` : "–") },
  ], all, { caption: t("request.attempts") });
}

// ---- what was said

function said(bodies) {
  const body = bodies?.proxy_server_request ?? {}, answer = bodies?.response ?? {};
  if (!json(body) && !json(answer)) return h("p", { class: "muted" }, t("request.nothing"));
  return [h("div", { class: "talk" }, messages(body.messages ?? body.input ?? body.prompt), messages(answer.choices?.map(choice => choice.message))),
    h("details", {}, h("summary", {}, t("request.body")), json(body)),
    h("details", {}, h("summary", {}, t("request.answer")), json(answer))];
}

// A list of messages, or a text alone.
function messages(all) {
  if (typeof all === "string") return messages([{ role: "user", content: all }]);
  if (!Array.isArray(all)) return [];
  return all.filter(one => one && typeof one === "object").map(one => h("div", { class: `said ${one.role === "assistant" ? "" : "user"}` },
    h("span", { class: "note" }, one.role), one.reasoning_content && h("details", {}, h("summary", {}, t("play.thinking")), one.reasoning_content),
    words(one.content), one.tool_calls?.map(call => h("div", { class: "mono" }, `${call.function?.name} ${call.function?.arguments}`))));
}

function words(content) {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content ? JSON.stringify(content) : "";
  return content.map(part => (typeof part?.text === "string" ? part.text : JSON.stringify(part))).join("\n");
}
