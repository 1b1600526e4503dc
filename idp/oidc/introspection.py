"""What a client's own token stands for, now (RFC 7662)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp.accounts.rules import AccountId
from idp.db import db
from idp.oidc import statements
from idp.settings import current
from shared.secrets import digest


@dataclass(frozen=True, slots=True)
class LivingToken:
    """A token that works. account_id: None for a client's own. audience: None is the provider."""

    client_id: str
    account_id: AccountId | None
    sector_identifier: str
    scope: str
    audience: str | None
    issued_at: datetime
    expires_at: datetime
    is_access_token: bool


def find_living_token(client_id: str, presented: str, *, now: datetime) -> LivingToken | None:
    """An access or refresh token of this client, of no other; None when it does not work, whatever the reason."""
    values = {"presented_digest": digest(presented), "presenting_client_id": client_id, "now": now}
    access_token = db.session.execute(statements.INSPECT_ACCESS_TOKEN, values).one_or_none()
    if access_token is not None:
        return LivingToken(**access_token._asdict(), is_access_token=True)
    idle = timedelta(days=current().refresh_token_idle_days)
    family = db.session.execute(
        statements.INSPECT_REFRESH_TOKEN, values | {"idle_since": now - idle}
    ).one_or_none()
    return _refresh_token(family, idle) if family is not None else None


def _refresh_token(family: Any, idle: timedelta) -> LivingToken:
    return LivingToken(
        client_id=family.client_id,
        account_id=family.account_id,
        sector_identifier=family.sector_identifier,
        scope=family.scope,
        audience=family.resource,
        issued_at=family.rotated_at,
        expires_at=min(family.expires_at, family.rotated_at + idle),
        is_access_token=False,
    )
