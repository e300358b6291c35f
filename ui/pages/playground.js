// A streamed talk with any model: thinking, tool calls, tokens and cost are shown.
import { h, replace } from "../parts/dom.js";
import { events, get, send } from "../parts/api.js";
import { explain, heading, loading } from "../parts/view.js";
import { milliseconds, money, number, t } from "../parts/words.js";

export function playground() {
  const list = loading(() => get("v1/models"), found => talk(found.data.map(model => model.id)));
  return [heading(t("page.playground")), list.place];
}

function talk(models) {
  const state = { messages: [], running: null };
  const said = h("div", { class: "talk", "aria-live": "polite" });
  const model = h("select", { "aria-label": t("model.name") }, models.map(name => h("option", { value: name }, name)));
  const effort = h("select", { "aria-label": t("play.thinking") }, ["", "low", "medium", "high"].map(one =>
    h("option", { value: one }, one ? `${t("play.thinking")}: ${t(`effort.${one}`)}` : t("play.no_thinking"))));
  const system = h("input", { placeholder: t("play.system"), "aria-label": t("play.system") });
  const words = h("textarea", { rows: 3, placeholder: t("play.say"), "aria-label": t("play.say"),
    onkeydown: event => { if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) go(); } });
  const button = h("button", { class: "primary", type: "submit" }, t("play.send"));

  async function go() {
    if (state.running) {
      state.running.abort();
      return;
    }
    const text = words.value.trim();
    if (!text) return;
    state.messages.push({ role: "user", content: text });
    said.append(h("div", { class: "said user" }, text));
    words.value = "";
    state.running = new AbortController();
    button.textContent = t("play.stop");
    await answer(said, state, { model: model.value, effort: effort.value, system: system.value.trim() });
    state.running = null;
    button.textContent = t("play.send");
    words.focus();
  }

  function fresh() {
    state.running?.abort();
    state.messages = [];
    replace(said);
  }

  return [h("div", { class: "row" }, model, effort, h("button", { onclick: fresh }, t("play.new"))), system, said,
    h("form", { class: "composer", onsubmit: event => { event.preventDefault(); go(); } }, words, button)];
}

async function answer(said, state, wanted) {
  const thinking = h("details", { hidden: true }, h("summary", {}, t("play.thinking")));
  const text = h("div", {}), tools = h("div", {}), note = h("span", { class: "note" });
  const message = { role: "assistant", content: "" };
  const begun = performance.now();
  let first = 0, usage;
  said.append(h("div", { class: "said" }, thinking, text, tools, note));
  try {
    const stream = await send("POST", "v1/chat/completions", { signal: state.running.signal, body: request(state, wanted) });
    for await (const data of events(stream)) {
      if (data === "[DONE]") break;
      const chunk = JSON.parse(data), delta = chunk.choices?.[0]?.delta ?? {};
      if (chunk.error) throw Object.assign(new Error(chunk.error.message), { status: 500 });
      first ||= performance.now();
      usage = chunk.usage ?? usage;
      if (delta.reasoning_content) {
        thinking.hidden = false;
        thinking.append(delta.reasoning_content);
      }
      if (delta.content) {
        message.content += delta.content;
        text.append(delta.content);
      }
      for (const call of delta.tool_calls ?? []) tools.append(call.function?.name ? `\n${call.function.name} ` : "", call.function?.arguments ?? "");
    }
    note.textContent = t("play.took", { first: milliseconds(first - begun), all: milliseconds(performance.now() - begun),
      input: number(usage?.prompt_tokens), output: number(usage?.completion_tokens), cost: money(usage?.cost) });
  } catch (error) {
    note.className = error.name === "AbortError" ? "note" : "failed note";
    note.textContent = error.name === "AbortError" ? t("play.stopped") : explain(error);
  }
  if (message.content) state.messages.push(message);
  else state.messages.pop();
}

function request(state, wanted) {
  const before = wanted.system ? [{ role: "system", content: wanted.system }] : [];
  return { model: wanted.model, stream: true, stream_options: { include_usage: true }, messages: [...before, ...state.messages],
    ...(wanted.effort && { reasoning_effort: wanted.effort }) };
}
