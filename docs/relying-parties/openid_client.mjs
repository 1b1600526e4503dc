// A Node service that signs families in with openid-client 6 (Node 20 or newer).
//
//   npm install openid-client@6 && node openid_client.mjs
//
// Environment: OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, SERVICE_URL, PORT. Register SERVICE_URL/retour as
// redirect URI and SERVICE_URL/ as post-logout redirect URI.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import * as client from "openid-client";

const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, SERVICE_URL, PORT } = process.env;
const IS_SECURE = SERVICE_URL.startsWith("https://");

const provider = await client.discovery(
  new URL(OIDC_ISSUER),
  OIDC_CLIENT_ID,
  { id_token_signed_response_alg: "RS256" },
  client.ClientSecretBasic(OIDC_CLIENT_SECRET),
  {
    timeout: 5, // seconds
    // Tests only: a provider on http://localhost. In production the issuer is https, and this list stays empty.
    execute: OIDC_ISSUER.startsWith("http://localhost:") ? [client.allowInsecureRequests] : [],
  },
);
// The token endpoint's answer comes over TLS; check the signature all the same.
client.enableNonRepudiationChecks(provider);

// One map a process: a service of several nodes keeps both in its database.
const attempts = new Map(); // browser → what its sign-in must come back with
const sessions = new Map(); // browser → who is signed in

const routes = {
  "GET /": async (request, response) => json(response, sessions.get(browserOf(request)) ?? null),

  "GET /connexion": async (_request, response) => {
    const browser = randomBytes(32).toString("base64url");
    const attempt = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    };
    attempts.set(browser, attempt);
    setTimeout(() => attempts.delete(browser), 600_000).unref();
    const url = client.buildAuthorizationUrl(provider, {
      redirect_uri: `${SERVICE_URL}/retour`,
      scope: "openid profile email children",
      code_challenge: await client.calculatePKCECodeChallenge(attempt.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: attempt.expectedState,
      nonce: attempt.expectedNonce,
    });
    redirect(response, url, browser);
  },

  "GET /retour": async (request, response) => {
    const attempt = attempts.get(browserOf(request));
    attempts.delete(browserOf(request));
    // Checks state, iss (RFC 9207), then the ID token: signature, iss, aud, nonce, exp, iat, at_hash.
    const tokens = await client.authorizationCodeGrant(provider, addressOf(request), {
      ...attempt,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    const userinfo = await client.fetchUserInfo(provider, tokens.access_token, claims.sub);
    const browser = randomBytes(32).toString("base64url"); // a new one: who held the old one is not signed in
    sessions.set(browser, {
      sub: claims.sub, // with `iss`, the only key of a person: never the email
      name: userinfo.name,
      email: userinfo.email,
      children: claims.children,
      id_token: tokens.id_token,
    });
    redirect(response, "/", browser);
  },

  "POST /deconnexion": async (request, response) => {
    const session = sessions.get(browserOf(request));
    sessions.delete(browserOf(request));
    if (!session) return redirect(response, "/");
    redirect(
      response,
      client.buildEndSessionUrl(provider, {
        id_token_hint: session.id_token,
        post_logout_redirect_uri: `${SERVICE_URL}/`,
      }),
    );
  },
};

createServer(async (request, response) => {
  const route = routes[`${request.method} ${addressOf(request).pathname}`];
  if (!route) return response.writeHead(404).end();
  try {
    await route(request, response);
  } catch (error) {
    // error.error and error.error_description when the provider refused: the dictionary says what they mean.
    console.error(error.code ?? error.name, error.error ?? "", error.cause?.message ?? error.message);
    response.writeHead(403).end("Sign-in failed.");
  }
}).listen(Number(PORT), "127.0.0.1");

function addressOf(request) {
  return new URL(request.url, SERVICE_URL); // from the settings, never from the Host header
}

function browserOf(request) {
  return /(?:^|; )service=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
}

function redirect(response, location, browser) {
  const cookie = browser && `service=${browser}; Path=/; HttpOnly; SameSite=Lax${IS_SECURE ? "; Secure" : ""}`;
  response.writeHead(303, { location: String(location), ...(cookie && { "set-cookie": cookie }) }).end();
}

function json(response, content) {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(content));
}
