"""A password replaced by recovery: design « ended means ended », at the provider (RE-02)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from idp.accounts.models import Account
from idp.accounts.rules import AccountId
from idp.db import db, transaction
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import Channel
from idp.recovery import service as recovery
from tests.relying_party import RelyingParty

OFFLINE = "openid offline_access"


def test_re_02_codes_tokens_and_refresh_tokens_are_refused_at_once(
    offline_party: RelyingParty, parent: AccountId
):
    party = offline_party
    tokens = party.tokens(scope=OFFLINE)
    waiting = party.authorization_code(scope=OFFLINE)
    assert party.userinfo(tokens["access_token"]).status_code == 200

    recover(party, parent)

    assert party.userinfo(tokens["access_token"]).status_code == 401
    assert error_of(party.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert error_of(party.redeem(waiting)) == "invalid_grant"
    assert party.authorize(prompt="none").location.startswith(
        f"{party.request()['redirect_uri']}?error=login_required"
    )


def recover(party: RelyingParty, parent: AccountId) -> None:
    """All that a person does, at one instant."""
    now = party.clock.now
    with party.app.app_context():
        with transaction() as session:
            long_ago = now - timedelta(days=60)
            values = {"email": "celine@exemple.fr", "email_confirmed_at": long_ago}
            session.execute(
                update(Account).where(Account.id == parent).values(email_recovers_from=long_ago, **values)
            )
        identifier = db.session.scalars(select(Account.identifier).where(Account.id == parent)).one()
        secret = recovery.start_recovery(identifier, Channel.EMAIL, network="n", now=now)
        sent = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
        assert sent is not None
        digits = [
            line for line in messaging._open(sent).text.splitlines() if line.replace(" ", "").isdecimal()
        ]
        recovery.enter_code(secret, digits[0], network="n", now=now)
        recovery.replace_password(secret, "Romarin2026x", now=now)


def error_of(response: Any) -> str:
    return str(response.json["error"])
