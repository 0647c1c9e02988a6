// A real OpenID provider for the tests (npm: oidc-provider), and ways to let it go wrong.
//
// node provider.mjs PORT REDIRECT NODE_MODULES; it prints "ready". POST /test {claims, key} changes what
// its ID tokens say, or signs them with a key that it does not name.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, redirect, modules] = process.argv.slice(2);
const load = createRequire(`${modules}/here.js`);
const { default: Provider } = await import(pathToFileURL(load.resolve("oidc-provider")));
const jose = await import(pathToFileURL(load.resolve("jose")));

const PEOPLE = {
  ada: { email: "ada@example.test", email_verified: true, groups: ["staff", "plugway-admins"] },
  vic: { email: "vic@example.test", email_verified: true, groups: ["staff"] },
  eve: { email: "eve@example.test", email_verified: true, groups: ["guests"] },
  joe: { email: "joe@example.test", email_verified: false, groups: ["staff"] },
};

const pair = await jose.generateKeyPair("RS256", { extractable: true });
const stranger = await jose.generateKeyPair("RS256");
const jwk = { ...(await jose.exportJWK(pair.privateKey)), kid: "one", use: "sig", alg: "RS256" };
let wrong = {};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "plugway", client_secret: "the-secret-of-the-client", redirect_uris: [redirect] }],
  jwks: { keys: [jwk] },
  cookies: { keys: ["of a test"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "email", "groups"],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Grant: 600, Interaction: 600, Session: 600 },
  async findAccount(_, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...PEOPLE[id] }) };
  },
});

provider.use(async (ctx, next) => {
  if (ctx.path === "/test") {
    let text = "";
    for await (const part of ctx.req) text += part;
    wrong = JSON.parse(text);
    ctx.body = {};
    return;
  }
  await next();
  if (ctx.path !== "/token" || !ctx.body?.id_token || !Object.keys(wrong).length) return;
  const claims = { ...jose.decodeJwt(ctx.body.id_token), ...wrong.claims };
  for (const name of wrong.without ?? []) delete claims[name];
  const signed = new jose.SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: wrong.kid ?? "one" });
  const token = wrong.unsigned ? new jose.UnsecuredJWT(claims).encode() : await signed.sign(wrong.stranger ? stranger.privateKey : pair.privateKey);
  ctx.body = { ...ctx.body, id_token: token };
});

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
