// The gateway's own routes, asked with the session's cookie.

// Where the gateway is, whatever prefix a proxy puts before it: this file is at ROOT/ui/HASH/parts/.
export const root = new URL("../../../", import.meta.url);

let csrf = "";
let onEnd = () => {};

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// What is done when the gateway refuses: perhaps nobody is logged in any more.
export function whenLoggedOut(act) {
  onEnd = act;
}

export function setCsrf(token) {
  csrf = token || "";
}

export function url(path, query = {}) {
  const to = new URL(path.replace(/^\//, ""), root);
  for (const [name, value] of Object.entries(query))
    if (value !== "" && value !== null && value !== undefined) to.searchParams.append(name, value);
  return to;
}

// The answer itself, for streams; errors are thrown.
export async function send(method, path, { query, body, signal } = {}) {
  const headers = { accept: "application/json" };
  if (method !== "GET") headers["x-csrf-token"] = csrf;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url(path, query), {
      method, headers, signal, credentials: "same-origin", cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  if (answer.ok) return answer;
  const error = new ApiError(answer.status, await reason(answer));
  if (answer.status === 401 && !/^(v2\/login|ui\/session|onboarding\/)/.test(path)) onEnd();
  throw error;
}

// Any of the shapes that the gateway's dialects give their errors.
async function reason(answer) {
  const text = await answer.text();
  try {
    const json = JSON.parse(text);
    const found = [json.error?.message, json.detail?.error?.message, json.detail?.error, json.detail?.message, json.detail,
      json.message, json.error];
    return found.find(one => typeof one === "string") || text;
  } catch {
    return text || answer.statusText;
  }
}

export async function get(path, query, signal) {
  return (await send("GET", path, { query, signal })).json();
}

export async function post(path, body = {}) {
  return (await send("POST", path, { body })).json();
}

// Server-sent events of a streamed answer, as the texts behind "data:".
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines)
      if (line.startsWith("data:")) yield line.slice(5).trim();
  }
}
