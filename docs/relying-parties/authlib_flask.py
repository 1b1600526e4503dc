"""A Flask service that signs families in with Authlib.

pip install "Authlib>=1.9.9,<2" "Flask>=3.1" requests
flask --app authlib_flask run

Environment: OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, SERVICE_URL, SERVICE_SECRET_KEY. Register
SERVICE_URL/retour as redirect URI, SERVICE_URL/ as post-logout redirect URI and
SERVICE_URL/deconnexion/canal-arriere as back-channel logout URI.
"""

import os
from urllib.parse import urlencode

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, abort, redirect, request, session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response

ISSUER = os.environ["OIDC_ISSUER"]
CLIENT_ID = os.environ["OIDC_CLIENT_ID"]
SERVICE_URL = os.environ["SERVICE_URL"]

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SERVICE_SECRET_KEY"],
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SAMESITE="Lax",
    # Tests only: a service on http://localhost has no Secure cookie. In production SERVICE_URL is https.
    SESSION_COOKIE_SECURE=SERVICE_URL.startswith("https://"),
)
provider = OAuth(app).register(
    "provider",
    client_id=CLIENT_ID,
    client_secret=os.environ["OIDC_CLIENT_SECRET"],
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid profile email children",
        "code_challenge_method": "S256",  # Authlib sends no PKCE unless told
        "default_timeout": 5,  # nor has it a time limit
    },
)


# Sessions that the provider ended. One set a process: a service of several nodes keeps it in its database.
ended_sids: set[str] = set()
BACK_CHANNEL_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@app.before_request
def leave_ended_session() -> None:
    """A session lives no longer than the provider's."""
    if session.get("sid") in ended_sids:
        session.clear()


@app.get("/")
def home() -> dict[str, object] | str:
    """What the service knows of the person."""
    return session.get("person", "Nobody is signed in.")


@app.get("/connexion")
def sign_in() -> Response:
    """Also the initiate_login_uri: the portal and an expired page send people here with `iss`."""
    return provider.authorize_redirect(f"{SERVICE_URL}/retour")


@app.get("/retour")
def callback() -> Response:
    """The redirect URI."""
    # RFC 9207: Authlib does not look at `iss`; without this, two providers could be mixed up.
    if request.args.get("iss") != ISSUER:
        abort(400)
    try:
        tokens = provider.authorize_access_token(
            # Authlib checks `aud` only when told to.
            claims_options={
                "iss": {"essential": True, "value": ISSUER},
                "aud": {"essential": True, "value": CLIENT_ID},
            },
            leeway=30,
        )
    except (OAuthError, JoseError):
        abort(403)
    id_token_claims = tokens["userinfo"]  # Authlib's name for the claims of the verified ID token
    userinfo = provider.userinfo(token=tokens)
    if userinfo["sub"] != id_token_claims["sub"]:
        abort(403)
    session.clear()
    session["person"] = {
        "sub": id_token_claims["sub"],  # with `iss`, the only key of a person: never the email
        "name": userinfo.get("name"),
        "email": userinfo.get("email"),
        "children": id_token_claims["children"],
    }
    # For sign-out. A service that keeps more of a family than this keeps its sessions on its own side.
    session["id_token"] = tokens["id_token"]
    session["sid"] = id_token_claims["sid"]
    return redirect("/", 303)


@app.post("/deconnexion")
def sign_out() -> Response:
    """End the session here, then at the provider, which sends the person back to SERVICE_URL/."""
    id_token = session.pop("id_token", None)
    session.clear()
    if id_token is None:
        return redirect("/", 303)
    parameters = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": f"{SERVICE_URL}/"})
    end_session_endpoint = provider.load_server_metadata()["end_session_endpoint"]
    return redirect(f"{end_session_endpoint}?{parameters}", 303)


@app.post("/deconnexion/canal-arriere")
def back_channel() -> tuple[str, int]:
    """Back-Channel Logout 2.6: the provider tells, server to server, that a session ended."""
    keys = KeySet.import_key_set(provider.fetch_jwk_set(force=True))
    try:
        logout_token = jwt.decode(request.form["logout_token"], keys, algorithms=["RS256"])
        claims = logout_token.claims
        jwt.JWTClaimsRegistry(
            leeway=30,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": CLIENT_ID},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
            sid={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError):
        abort(400)
    if logout_token.header.get("typ") != "logout+jwt" or "nonce" in claims:
        abort(400)
    if not isinstance(claims.get("events"), dict) or BACK_CHANNEL_LOGOUT not in claims["events"]:
        abort(400)
    ended_sids.add(claims["sid"])
    return "", 200
