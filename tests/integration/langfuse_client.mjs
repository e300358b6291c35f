// One generation through Langfuse's SDK for Node (its ingestion API), made of the facts in FACTS.
// test_langfuse.py holds what the gateway tells against it.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.LINTEL_TEST_NODE, "here.js"));
const { Langfuse } = require("langfuse");

const { trace, generation, keys } = JSON.parse(process.env.FACTS);
const dates = ["timestamp", "startTime", "endTime", "completionStartTime"];
const withDates = (o) =>
  Object.fromEntries(Object.entries(o).map(([k, v]) => [k, dates.includes(k) ? new Date(v) : v]));

const langfuse = new Langfuse({ ...keys, baseUrl: process.env.BASE_URL, flushAt: 100 });
langfuse.trace(withDates(trace)).generation(withDates(generation));
await langfuse.shutdownAsync();
console.log(JSON.stringify({ done: true }));
