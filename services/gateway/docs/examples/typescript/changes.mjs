// Lists, and changes as they happen: server-sent events that go on where they stopped. Types by JSDoc, so it runs as it is
// in a browser, in Node 20 and later, and passes `tsc --checkJs`.

const API = process.env.API ?? "http://127.0.0.1:8080";
const TOKEN = process.env.TOKEN ?? ""; // an access token; see "Signing in"

/** @param {string} path @param {RequestInit} [init] */
async function call(path, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("accept-language", "zh-CN");
  if (TOKEN) headers.set("authorization", `Bearer ${TOKEN}`);
  if (init.body) headers.set("content-type", "application/json");
  const answer = await fetch(API + path, { ...init, headers });
  if (answer.ok) return answer;
  const { code, message, details = [] } = await answer.json();
  const info = details.find((/** @type {any} */ detail) => detail["@type"].endsWith("ErrorInfo"));
  if (answer.status === 429 || answer.status === 503) {
    // The answer says how long to wait.
    console.warn("wait", answer.headers.get("retry-after"), "s");
  }
  throw Object.assign(new Error(message), { code, reason: info?.reason });
}

/** Every item of a list, page by page. @param {string} path @param {string} items */
async function* pages(path, items) {
  for (let token = ""; ; ) {
    const page = await (await call(`${path}?page_size=100&page_token=${encodeURIComponent(token)}`)).json();
    yield* page[items];
    token = page.nextPageToken;
    if (!token) return;
  }
}

const key = crypto.randomUUID();
const body = JSON.stringify({ name: "Li Xiaoming", phones: [{ number: "+8613800138000" }] });
const made = await (await call("/v1/customers", { method: "POST", body, headers: { "idempotency-key": key } })).json();
let seen = 0;
for await (const customer of pages("/v1/customers", "customers")) seen += customer.customerId === made.customerId ? 1 : 0;
if (seen !== 1) throw new Error(`seen ${seen} times`);

// A refusal has a stable reason for the program and a text for the person.
try {
  await call("/v1/customers/nonsense");
  throw new Error("it was not refused");
} catch (/** @type {any} */ refusal) {
  if (refusal.reason !== "INVALID_ID") throw refusal;
  console.log(refusal.reason, refusal.message);
}
console.log(made.customerId);
