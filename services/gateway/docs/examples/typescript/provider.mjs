// Signing in at a provider of identities, as a page does it: once to begin, once when the browser is back. Without CODE it
// prints where to go and what to keep; with CODE and VERIFIER it fetches the session.

const API = process.env.API ?? "http://127.0.0.1:8080";
const { CODE, VERIFIER } = process.env;

/** @param {Uint8Array | ArrayBuffer} bytes */
const base64url = (bytes) => Buffer.from(new Uint8Array(bytes)).toString("base64url");

if (CODE && VERIFIER) {
  const body = JSON.stringify({ code: CODE, verifier: VERIFIER });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${API}/v1/sign-in:oidc`, { method: "POST", headers, body });
  const session = await answer.json();
  if (!answer.ok) throw new Error(session.message);
  console.log(session.account.accountId, "has a token for", session.expiresIn, "seconds");
} else {
  // Kept by the page alone: in a browser, sessionStorage.setItem("verifier", verifier).
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const { providers = [] } = await (await fetch(`${API}/v1/sign-in/oidc`)).json();
  console.log("verifier", verifier);
  for (const { displayName, path } of providers) console.log(displayName, `${API}${path}?challenge=${challenge}`);
  // Back at the page: new URLSearchParams(location.hash.slice(1)).get("code"), or "error".
}
