"""What the portal lists."""

from sqlalchemy import select

from idp.db import db
from idp.oidc.models import Client
from idp.portal.rules import PortalService, with_issuer


def list_services(issuer: str) -> tuple[PortalService, ...]:
    """The services in use that can be opened from here, by name (OpenID Connect Core 4: with `iss`). One query."""
    rows = db.session.execute(
        select(Client.name, Client.initiate_login_uri)
        .where(Client.disabled_at.is_(None), Client.initiate_login_uri.is_not(None))
        .order_by(Client.name, Client.client_id)
    )
    return tuple(PortalService(name, with_issuer(url, issuer)) for name, url in rows if url)
