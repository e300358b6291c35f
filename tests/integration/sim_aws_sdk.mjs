// bedrock-sim used by the AWS SDK for JavaScript. Prints one JSON object: what each case found.
// test_sim_aws_sdk.py holds it against what it must be.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const sdk = require("@aws-sdk/client-bedrock-runtime");
// The SDK's default for this service is HTTP/2, which servers without TLS do not speak.
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const keys = { accessKeyId: process.env.KEY_ID, secretAccessKey: process.env.SECRET };
const connect = (credentials = keys) =>
  new sdk.BedrockRuntimeClient({
    region: "eu-west-1",
    endpoint: process.env.ENDPOINT,
    requestHandler: new NodeHttpHandler({ requestTimeout: 20000 }),
    credentials,
    maxAttempts: 1,
  });
const client = connect();
const modelId = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const arn = `arn:aws:bedrock:eu-west-1:123456789012:inference-profile/${modelId}`;
const user = (...content) => [{ role: "user", content: content.map((c) => (typeof c === "string" ? { text: c } : c)) }];
const tool = {
  toolSpec: {
    name: "get_weather",
    inputSchema: { json: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
  },
};
const pixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const converse = (input, from = client) => from.send(new sdk.ConverseCommand({ modelId, ...input }));
const stream = async (input) => (await client.send(new sdk.ConverseStreamCommand({ modelId, ...input }))).stream;

async function fold(events) {
  const found = { order: [], text: "", thinking: "", signature: "", input: "", stopReason: null, usage: null };
  for await (const event of events) {
    const [name] = Object.keys(event);
    found.order.push(name);
    const delta = event.contentBlockDelta?.delta ?? {};
    found.text += delta.text ?? "";
    found.input += delta.toolUse?.input ?? "";
    found.thinking += delta.reasoningContent?.text ?? "";
    found.signature += delta.reasoningContent?.signature ?? "";
    found.stopReason ??= event.messageStop?.stopReason ?? null;
    found.usage ??= event.metadata?.usage ?? null;
  }
  return found;
}

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
}

const found = {};
found.whole = await converse({ messages: user("Grüße 🦜") });
found.arn = (await converse({ modelId: arn, messages: user("Grüße 🦜") })).output;
found.stream = await fold(await stream({ messages: user("Grüße 🦜") }));
found.tools = await fold(await stream({ messages: user("Weather in Oslo?"), toolConfig: { tools: [tool] } }));
const thinking = { thinking: { type: "enabled", budget_tokens: 1024 } };
found.thinking = await fold(await stream({ messages: user("Think"), additionalModelRequestFields: thinking }));
const image = { image: { format: "png", source: { bytes: pixel } } };
found.image = (await converse({ messages: user("What is it?", image) })).output.message.content[0].text;

found.errors = {};
for (const status of [400, 403, 404, 408, 424, 429, 500, 503]) {
  const directive = status === 429 ? "throttle" : `error(${status})`;
  found.errors[status] = await failure(converse({ messages: user(`[[sim:${directive}]]`) }));
}
found.frames = {};
for (const name of ["internalServerException", "modelStreamErrorException", "validationException", "throttlingException", "serviceUnavailableException"]) {
  found.frames[name] = await failure(stream({ messages: user(`[[sim:exception(${name},2)]]`) }).then(fold));
}
found.badcrc = await failure(stream({ messages: user("[[sim:badcrc(2)]]") }).then(fold));
found.cut = await failure(stream({ messages: user("[[sim:cut(2)]]") }).then(fold));
found.wrongSecret = await failure(converse({ messages: user("Hi") }, connect({ ...keys, secretAccessKey: "wrong" })));
found.wrongId = await failure(converse({ messages: user("Hi") }, connect({ ...keys, accessKeyId: "AKIANOBODY" })));
console.log(JSON.stringify(found));
process.exit(0); // the sockets of broken streams would keep it alive
