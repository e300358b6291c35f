// Anthropic's SDK for Node against /v1/messages. Prints one JSON object: what each case found.
// test_anthropic_node.py holds it against what it must be.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const Anthropic = require("@anthropic-ai/sdk").default;
const { betaTool } = require("@anthropic-ai/sdk/helpers/beta/json-schema");

const options = { baseURL: process.env.BASE_URL, maxRetries: 0, timeout: 20000 };
const client = new Anthropic({ ...options, apiKey: process.env.API_KEY });
const user = (content) => [{ role: "user", content }];
const model = "claude";
const converse = "bedrock-converse-us-claude-3-7-sonnet-v1";
const thinking = { type: "enabled", budget_tokens: 1024 };
const inputSchema = { type: "object", properties: { at: { type: "string" } }, required: ["at"] };
const call = (name, at) => `[[sim:tool(${name},{"at":"${at}"})]]`;
const task =
  `Go. [[sim:turn(0)]] ${call("get_weather", "Oslo")} ${call("get_time", "Oslo")} ` +
  `[[sim:turn(1)]] ${call("get_weather", "Rome")} [[sim:turn(2)]] [[sim:reply(Fine.)]]`;

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, type: error.error?.error?.type };
  }
  return { name: "none" };
}

const cases = {
  async plain() {
    const { data, response, request_id } = await client.messages
      .create({ model, max_tokens: 99, messages: user("Hello") })
      .withResponse();
    return { data, callId: response.headers.get("x-litellm-call-id"), requestId: request_id };
  },
  async bearer() {
    const other = new Anthropic({ ...options, apiKey: null, authToken: process.env.API_KEY });
    return (await other.messages.create({ model, max_tokens: 99, messages: user("Hello") })).stop_reason;
  },
  // The events as the SDK's helper tells them, and the message it puts together.
  async stream() {
    const texts = [];
    const thoughts = [];
    const stream = client.messages
      .stream({ model, max_tokens: 4096, thinking, messages: user("[[sim:reply(Grüße 🦜 日本語)]]") })
      .on("text", (text) => texts.push(text))
      .on("thinking", (text) => thoughts.push(text));
    const message = await stream.finalMessage();
    return { text: texts.join(""), thought: thoughts.join("").length > 0, message };
  },
  async runner() {
    const found = [];
    for (const name of [model, converse])
      for (const stream of [false, true]) {
        const results = [];
        const tools = ["get_weather", "get_time"].map((tool) =>
          betaTool({
            name: tool,
            description: "Tells it.",
            inputSchema,
            run: ({ at }) => (results.push(`${tool}: ${at}`), `${tool}: ${at}`),
          }),
        );
        const runner = client.beta.messages.toolRunner({
          model: name,
          max_tokens: 4096,
          thinking,
          messages: user(task),
          tools,
          stream,
        });
        const final = await runner.runUntilDone();
        const messages = [...runner.params.messages, ...user("And now?")];
        const next = await client.messages.create({ model: name, max_tokens: 4096, thinking, messages });
        found.push({ text: final.content.at(-1).text, results, next: next.stop_reason });
      }
    return found;
  },
  async count() {
    return client.messages.countTokens({ model, messages: user("Hello there") });
  },
  async errors() {
    const ask = (content, stream) => client.messages.create({ model, max_tokens: 99, messages: user(content), stream });
    const drain = async (stream) => {
      for await (const event of await stream) if (!event) break;
    };
    return {
      throttled: await refusal(ask("[[sim:throttle]]", false)),
      throttledStream: await refusal(ask("[[sim:exception(throttlingException)]]", true)),
      invalid: await refusal(ask("[[sim:error(400)]]", false)),
      unavailable: await refusal(ask("[[sim:error(503)]]", true)),
      unknown: await refusal(client.messages.create({ model: "nobody", max_tokens: 9, messages: user("Hi") })),
      key: await refusal(
        new Anthropic({ ...options, apiKey: "sk-wrong" }).messages.create({ model, max_tokens: 9, messages: user("Hi") }),
      ),
      midstream: await refusal(drain(ask("[[sim:chunks(9,9)]] [[sim:exception(internalServerException,3)]]", true))),
    };
  },
};

const found = {};
for (const [name, run] of Object.entries(cases)) found[name] = await run();
console.log(JSON.stringify(found));
