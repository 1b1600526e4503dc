// A single-page service that signs families in with oidc-client-ts 3.
//
//   npm install oidc-client-ts@3
//
// Register it as a public client: token_endpoint_auth_method none, PKCE required. The page's own address is redirect
// URI and post-logout redirect URI. The page's Content-Security-Policy needs `connect-src 'self' ISSUER`.
import { UserManager, WebStorageStateStore } from "oidc-client-ts";

// { "issuer": "https://compte.example", "client_id": "…" }; an issuer on http://localhost is for tests only.
const { issuer, client_id } = await (await fetch("settings.json")).json();
const page = location.origin + location.pathname;

const provider = new UserManager({
  authority: issuer,
  client_id,
  redirect_uri: page,
  post_logout_redirect_uri: page,
  response_type: "code", // PKCE with S256 goes with it
  scope: "openid profile email children",
  loadUserInfo: true,
  filterProtocolClaims: true,
  automaticSilentRenew: false, // browsers block the frame's cookies: send the person to sign in again
  userStore: new WebStorageStateStore({ store: sessionStorage }), // gone with the tab; never localStorage
});

const answer = new URLSearchParams(location.search);
if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
  // RFC 9207: oidc-client-ts does not look at `iss`; without this, two providers could be mixed up.
  if (answer.get("iss") !== issuer) throw new Error("the answer is another provider's");
  await provider.signinRedirectCallback();
  history.replaceState({}, "", page); // the code leaves the address bar
}

const person = await provider.getUser();
document.querySelector("#person").textContent = JSON.stringify(person && person.profile);
document.querySelector("#sign-in").addEventListener("click", () => provider.signinRedirect());
document.querySelector("#sign-out").addEventListener("click", () => provider.signoutRedirect());
document.body.dataset.ready = person ? "signed-in" : "signed-out";
