// The core of test_openai_python.py through the OpenAI SDK for Node. Prints one JSON object: what each
// case found. test_openai_node.py holds it against what it must be.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const OpenAI = require("openai").default;
const { zodResponseFormat } = require("openai/helpers/zod");
const z = require("zod");

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
  timeout: 20000,
});
const user = (content) => [{ role: "user", content }];
const model = "claude";
const tools = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { at: { type: "string" } }, required: ["at"] } },
}));

async function fold(stream) {
  const found = { text: "", calls: [], reasons: [], usages: 0, chunks: 0 };
  for await (const chunk of stream) {
    found.chunks++;
    if (chunk.usage) found.usages++;
    for (const choice of chunk.choices) {
      found.text += choice.delta.content ?? "";
      for (const call of choice.delta.tool_calls ?? []) {
        const into = (found.calls[call.index] ??= { id: "", name: "", arguments: "" });
        into.id += call.id ?? "";
        into.name += call.function?.name ?? "";
        into.arguments += call.function?.arguments ?? "";
      }
      if (choice.finish_reason) found.reasons.push(choice.finish_reason);
    }
  }
  return found;
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, type: error.type };
  }
  return { name: "none" };
}

const cases = {
  async plain() {
    const { data, response } = await client.chat.completions
      .create({ model, messages: user("Hello") })
      .withResponse();
    return { answer: data, callId: response.headers.get("x-litellm-call-id") };
  },
  async stream() {
    return fold(
      await client.chat.completions.create({
        model,
        messages: user("[[sim:reply(Grüße 🦜 日本語)]]"),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
  },
  async tools() {
    const prompt = '[[sim:tool(get_weather,{"at":"Ōsaka"})]] [[sim:tool(get_time,{"at":"b"})]]';
    const found = await fold(
      await client.chat.completions.create({ model, messages: user(prompt), tools, stream: true }),
    );
    const messages = [
      ...user(prompt),
      {
        role: "assistant",
        content: found.text || null,
        tool_calls: found.calls.map(({ id, ...f }) => ({ id, type: "function", function: f })),
      },
      ...found.calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: `${c.name} is fine` })),
    ];
    const final = await client.chat.completions.create({ model, messages, tools });
    return { ...found, final: final.choices[0] };
  },
  async runner() {
    // The SDK's own loop: it answers the calls and goes on until there are none.
    const runner = client.chat.completions.runTools({
      model,
      stream: true,
      messages: user('[[sim:tool(get_weather,{"at":"Oslo"})]]'),
      tools: [
        {
          type: "function",
          function: { ...tools[0].function, parse: JSON.parse, function: ({ at }) => `sunny in ${at}` },
        },
      ],
    });
    const content = await runner.finalContent();
    return { content, results: runner.messages.filter((m) => m.role === "tool").map((m) => m.content) };
  },
  // Thinking on. The SDK puts a stream's message together in its own way, and both send it back as it is.
  async thinking() {
    const call = (name, at) => `[[sim:tool(${name},{"at":"${at}"})]]`;
    const task =
      `[[sim:turn(0)]] ${call("get_weather", "Oslo")} ${call("get_time", "Oslo")} ` +
      `[[sim:turn(1)]] ${call("get_weather", "Rome")} [[sim:turn(2)]] [[sim:reply(Fine.)]]`;
    const run = async (stream, model) => {
      const runner = client.chat.completions.runTools({
        model,
        stream,
        reasoning_effort: "medium",
        messages: user(task),
        tools: tools.map(({ function: f }) => ({
          type: "function",
          function: { ...f, parse: JSON.parse, function: ({ at }) => `${f.name}: ${at}` },
        })),
      });
      return runner.finalContent();
    };
    // Of each block the SDK's own message of a stream has the last piece only.
    const byHand = async (model) => {
      const messages = user(task);
      for (;;) {
        const request = { model, messages, tools, reasoning_effort: "medium" };
        const message = await client.chat.completions.stream(request).finalMessage();
        messages.push(message);
        if (!message.tool_calls) return message.content;
        for (const { id } of message.tool_calls) messages.push({ role: "tool", tool_call_id: id, content: "fine" });
      }
    };
    const found = [];
    for (const name of [model, "bedrock-converse-us-claude-3-7-sonnet-v1"])
      found.push(await run(false, name), await run(true, name), await byHand(name));
    return found;
  },
  async parsed() {
    const format = zodResponseFormat(z.object({ city: z.string(), sky: z.enum(["clear", "cloudy"]) }), "report");
    const found = [];
    for (const name of [model, "bedrock-converse-us-claude-3-7-sonnet-v1", "nova"]) {
      const request = { model: name, messages: user("How is it in Paris?"), response_format: format };
      const whole = await client.chat.completions.parse(request);
      const streamed = await client.chat.completions.stream(request).finalChatCompletion();
      found.push(whole.choices[0].message.parsed, streamed.choices[0].message.parsed);
    }
    return found;
  },
  async image() {
    const url =
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const answer = await client.chat.completions.create({
      model,
      messages: user([
        { type: "text", text: "What is it?" },
        { type: "image_url", image_url: { url } },
      ]),
    });
    return answer.choices[0];
  },
  async errors() {
    const ask = (content, stream) => client.chat.completions.create({ model, messages: user(content), stream });
    return {
      throttled: await refusal(ask("[[sim:throttle]]", false)),
      throttledStream: await refusal(ask("[[sim:exception(throttlingException)]]", true)),
      invalid: await refusal(ask("[[sim:error(400)]]", false)),
      unavailable: await refusal(ask("[[sim:error(503)]]", true)),
      unknown: await refusal(client.chat.completions.create({ model: "gpt-17", messages: user("Hello") })),
      key: await refusal(new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "sk-wrong", maxRetries: 0 }).models.list()),
      midstream: await refusal(
        ask("[[sim:chunks(9,9)]] [[sim:exception(throttlingException,3)]]", true).then((stream) => fold(stream)),
      ),
    };
  },
  async abort() {
    const stream = await client.chat.completions.create({
      model,
      messages: user("[[sim:chunks(2000,50)]] [[sim:gap(20)]]"),
      stream: true,
    });
    let chunks = 0;
    for await (const chunk of stream) {
      chunks += chunk.choices.length;
      if (chunks === 3) stream.controller.abort();
    }
    return { chunks };
  },
  async models() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return ids;
  },
  async together() {
    const all = Array.from({ length: 20 }, (_, i) =>
      client.chat.completions
        .create({ model, messages: user(`[[sim:chunks(20,${i + 1})]]`), stream: true })
        .then((stream) => fold(stream)),
    );
    return (await Promise.all(all)).map((f) => f.text.length);
  },
};

const found = {};
for (const [name, run] of Object.entries(cases)) {
  found[name] = await run().catch((error) => ({ failed: String(error.stack ?? error) }));
}
console.log(JSON.stringify(found));
