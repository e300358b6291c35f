// The Responses API through the OpenAI SDK for Node. Prints one JSON object: what each case found.
// test_responses_node.py holds it against what it must be.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const OpenAI = require("openai").default;
const { zodTextFormat } = require("openai/helpers/zod");
const z = require("zod");

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
  timeout: 20000,
});
const model = "claude";
const reasoning = { effort: "low" };
const tools = ["weather", "time"].map((name) => ({
  type: "function",
  name,
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}));
const call = (name, city) => `[[sim:tool(${name},${JSON.stringify({ city })})]]`;
const task =
  `Compare. [[sim:turn(0)]] ${call("weather", "Ōsaka")} ${call("weather", "Rome")}` +
  `[[sim:turn(1)]] ${call("time", "Rome")} [[sim:redacted]] [[sim:turn(2)]] [[sim:reply(Grüße 🦜)]]`;
const outputs = (response) =>
  response.output
    .filter((item) => item.type === "function_call")
    .map((item) => ({ type: "function_call_output", call_id: item.call_id, output: `fine: ${item.arguments}` }));

async function ask(stream, request) {
  return stream ? client.responses.stream(request).finalResponse() : client.responses.create(request);
}

async function stateless(stream) {
  const input = [{ role: "user", content: task }];
  let response;
  for (let turn = 0; turn < 3; turn++) {
    response = await ask(stream, { model, input, tools, reasoning, store: false });
    input.push(...response.output, ...outputs(response));
  }
  input.push({ role: "user", content: "And now? [[sim:reply(Night.)]]" });
  const last = await ask(stream, { model, input, tools, reasoning, store: false });
  return [response.output_text, last.output_text];
}

async function kept(stream) {
  let response = await ask(stream, { model, input: task, tools, reasoning });
  for (let turn = 0; turn < 2; turn++)
    response = await ask(stream, { model, input: outputs(response), tools, reasoning, previous_response_id: response.id });
  const again = await client.responses.retrieve(response.id);
  await client.responses.delete(response.id);
  return [response.output_text, again.output_text];
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { name: error.constructor.name, status: error.status };
  }
  return { name: "none" };
}

const cases = {
  async loops() {
    return [await stateless(false), await stateless(true), await kept(false), await kept(true)];
  },
  async events() {
    const kinds = [];
    const stream = await client.responses.create({ model, input: "[[sim:reply(Fine.)]]", stream: true, reasoning });
    for await (const event of stream) kinds.push(event.type);
    return kinds;
  },
  async parsed() {
    const format = zodTextFormat(z.object({ city: z.string(), sky: z.enum(["clear", "cloudy"]) }), "report");
    const response = await client.responses.parse({ model, input: "How is it in Paris?", text: { format } });
    return response.output_parsed;
  },
  async refused() {
    return [
      await refusal(client.responses.create({ model, input: "[[sim:throttle]]" })),
      await refusal(client.responses.retrieve("resp_nobody")),
      await refusal(client.responses.stream({ model, input: "[[sim:chunks(9,20)]] [[sim:exception(modelStreamErrorException,4)]]" }).finalResponse()),
    ];
  },
};

const found = {};
for (const [name, run] of Object.entries(cases)) found[name] = await run();
console.log(JSON.stringify(found));
