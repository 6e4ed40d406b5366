// An OpenID provider for the tests: node oauth_provider.mjs FOLDER, its settings as a line of JSON on stdin.
//
// FOLDER is where npm has installed oidc-provider. Each request for a token is a line of JSON on stdout.
// It ends when stdin does.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Provider, errors } = await import(
  pathToFileURL(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`)
);
console.warn = console.info = () => {}; // it has much to say of what is no production
const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit());
const settings = JSON.parse(await new Promise((resolve) => lines.once("line", resolve)));

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const role = { role: settings.role };

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  clientAuthMethods: settings.methods,
  jwks: { keys: [settings.key] },
  scopes: ["openid", "offline_access", "write", "read"], // clients may not ask for read
  claims: { openid: ["sub", "role"] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  extraTokenClaims: () => role,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...role }) }),
  ttl: {
    ClientCredentials: settings.lifetime,
    AccessToken: settings.lifetime,
    IdToken: settings.lifetime,
    RefreshToken: 3600,
    Grant: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // The audience stands in the parameter of that name, as with many providers.
      defaultResource: (ctx, client, oneOf) => oneOf ?? ctx.oidc.body?.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== settings.audience) throw new errors.InvalidTarget();
        return {
          scope: "write",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: settings.lifetime,
          jwt: { sign: { alg: settings.key.alg } },
        };
      },
    },
  },
});

// What comes after signing in at a browser: a refresh token.
async function signedIn(client) {
  const grant = new provider.Grant({ accountId: "someone", clientId: client });
  grant.addOIDCScope("openid offline_access");
  grant.addResourceScope(settings.audience, "write");
  const token = new provider.RefreshToken({
    accountId: "someone",
    client: await provider.Client.find(client),
    grantId: await grant.save(),
    gty: "authorization_code",
    resource: settings.audience,
    scope: "openid offline_access write",
  });
  return token.save();
}

provider.use(async (ctx, next) => {
  if (ctx.path === "/signed-in") {
    ctx.body = await signedIn(ctx.query.client);
    return;
  }
  if (ctx.path === "/told") {
    say("all");
    ctx.body = "";
    return;
  }
  await next();
  if (ctx.path !== "/token") return;
  const asked = ctx.oidc?.body ?? {};
  const proof = asked.client_secret ? "post" : asked.client_assertion ? "key" : "none";
  say({
    grant: asked.grant_type,
    audience: asked.audience ?? null,
    scope: asked.scope ?? null,
    refresh_token: asked.refresh_token ?? null,
    proof: ctx.headers.authorization ? "basic" : proof,
    status: ctx.status,
  });
});

const server = provider.listen(settings.port, "127.0.0.1", () => say("ready"));
server.keepAliveTimeout = 1000;
