// A provider of identities for tests: `oidc-provider` with its own pages for signing in, on a port of 127.0.0.1.
// Arguments: where browsers are sent back to, one address for each client. Prints its issuer, then serves until it is ended.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const key = (alg, type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), alg, use: "sig", kid: alg });
const keys = [
  key("RS256", "rsa", { modulusLength: 2048 }),
  key("PS256", "rsa", { modulusLength: 2048 }),
  key("ES256", "ec", { namedCurve: "P-256" }),
  key("EdDSA", "ed25519"),
];

// Clients differ in how their id tokens are signed and how they prove themselves.
const kinds = { RS256: "client_secret_basic", PS256: "client_secret_basic", ES256: "client_secret_post", EdDSA: "none" };
const clients = Object.entries(kinds).map(([alg, method], place) => ({
  client_id: `aftercare-${alg}`,
  ...(method === "none" ? {} : { client_secret: "a secret of the tests, with + & % in it" }),
  token_endpoint_auth_method: method,
  id_token_signed_response_alg: alg,
  redirect_uris: [process.argv[2 + place]],
  response_types: ["code"],
  grant_types: ["authorization_code"],
}));

const server = createServer().listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ["of the tests"] },
    claims: { openid: ["sub"], profile: ["name", "groups"] },
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
    pkce: { required: () => true },
    // Whoever is called "disp-…" is of the dispatchers.
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: `${sub} of the tests`, groups: sub.startsWith("disp-") ? ["everybody", "dispatchers"] : ["everybody"] }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
