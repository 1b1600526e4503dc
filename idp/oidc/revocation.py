"""Ending what a client holds, at its own request (RFC 7009)."""

from datetime import datetime

from idp.audit import service as audit
from idp.db import db, transaction
from idp.oidc import statements
from idp.oidc.events import GrantEndedByService
from shared.secrets import digest


def revoke(client_id: str, presented: str, *, now: datetime) -> None:
    """End the grant that an access or refresh token of this client comes from; of no other client, and silently."""
    values = {"presented_digest": digest(presented), "presenting_client_id": client_id, "now": now}
    with transaction():
        account_ids = [
            account_id
            for statement in (statements.REVOKE_PRESENTED_FAMILY, statements.REVOKE_PRESENTED_TOKENS)
            for account_id in db.session.scalars(statement, values)
        ]
        for account_id in {one for one in account_ids if one is not None}:
            audit.record(GrantEndedByService(account_id), now=now)
