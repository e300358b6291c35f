// Embeddings and legacy completions through the OpenAI SDK for Node. Prints one JSON object: what each
// case found. test_embeddings.py holds it against what it must be.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const OpenAI = require("openai").default;

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
  timeout: 20000,
});

const embed = async (body) => {
  const { data, usage } = await client.embeddings.create(body);
  return { vectors: data.map((d) => d.embedding), indexes: data.map((d) => d.index), usage };
};

const cases = {
  packed: () => embed({ model: "titan2", input: ["a b c", "d"] }), // base64, unless told otherwise
  plain: () => embed({ model: "titan2", input: ["a b c", "d"], encoding_format: "float" }),
  small: () => embed({ model: "cohere4", input: "a", dimensions: 256 }),
  async refused() {
    try {
      await client.embeddings.create({ model: "claude", input: "a" });
    } catch (error) {
      return { name: error.constructor.name, status: error.status };
    }
  },
  async completion() {
    const stream = await client.completions.create({
      model: "claude",
      prompt: "[[sim:reply(Grüße 🦜)]]",
      stream: true,
      stream_options: { include_usage: true },
    });
    const found = { text: "", reasons: [], usages: 0 };
    for await (const chunk of stream) {
      if (chunk.usage) found.usages++;
      for (const choice of chunk.choices) {
        found.text += choice.text;
        if (choice.finish_reason) found.reasons.push(choice.finish_reason);
      }
    }
    return found;
  },
};

const found = {};
for (const [name, run] of Object.entries(cases)) found[name] = await run();
console.log(JSON.stringify(found));
