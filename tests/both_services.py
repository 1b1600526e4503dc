"""The provider and the livret service, each an application of its own, speaking over loopback under one clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts.rules import AccountId
from idp.db import db as idp_db
from idp.db import transaction
from idp.oidc import clients, consents
from idp.oidc.registration import ClientMetadata
from idp.oidc.scopes import SUPPORTED
from idp.sessions import service as sessions
from idp.sessions.rules import OpenedWith
from idp.signing_keys import service as signing_keys
from livret_service.db import db as livret_db
from livret_service.db import transaction as livret_transaction
from livret_service.livrets.models import Bilan
from livret_service.livrets.rules import ChildNames, NewBilan
from livret_service.livrets.service import plan_bilans, store_bilans
from tests.conftest import (
    MORNING,
    Browser,
    FrozenClock,
    browser_at,
    empty_tables,
    forget_held_records,
    idp_settings_values,
    livret_settings_values,
)
from tests.factories import LONG_AGO
from tests.livret_service.livrets.conftest import PERIODIQUE, periodique_key
from tests.running_demo import free_ports
from tests.serving import served

SCOPE = "openid children children.ine"
NewDatabase = Callable[[str], str]


@dataclass(frozen=True)
class BothServices:
    """Both applications; what one asks of the other travels over real HTTP."""

    idp: Flask
    livret: Flask
    issuer: str
    livret_url: str
    clock: FrozenClock

    def person(self, account_id: AccountId) -> "Person":
        """Somebody's browser, signed in at the provider, having agreed to the livret service long ago."""
        person = Person(self, browser_at(self.idp, self.issuer), browser_at(self.livret, self.livret_url))
        with self.idp.app_context():
            with transaction():
                opened = sessions.open_session(account_id, OpenedWith.CHOSEN, now=self.clock.now)
            consents.agree(account_id, "livret", SUPPORTED, now=LONG_AGO)
        person.account.set_cookie("idp_session", opened.session_id, domain="localhost")
        return person

    def publish(self, ine: str) -> str:
        """A bilan of the child with this INE; the identifier of its row."""
        key = periodique_key(ine=ine)
        with self.livret.app_context():
            with livret_transaction():
                planned = plan_bilans([NewBilan(key, MORNING - timedelta(days=3), PERIODIQUE)])
                store_bilans(planned, {ine: ChildNames("", "")}, now=MORNING - timedelta(days=1))
            return str(livret_db.session.scalars(select(Bilan.id).where(Bilan.ine == ine)).one())


@dataclass(frozen=True)
class Person:
    """One browser, at both services. `account`: at the provider; `reading`: at the livret service."""

    services: BothServices
    account: Browser
    reading: Browser

    def read(self, address: str) -> TestResponse:
        """Open a page of the livret service, following it to the provider and back as often as it asks."""
        answer = self.reading.get(address)
        for _ in range(8):
            if answer.status_code not in {302, 303}:
                return answer
            answer = self._follow(answer.location)
        raise AssertionError(f"sent round in circles: {answer.location}")

    def _follow(self, location: str) -> TestResponse:
        parts = urlsplit(location)
        own = f"{parts.path}?{parts.query}" if parts.query else parts.path
        is_ours = f"{parts.scheme}://{parts.netloc}" == self.services.issuer
        return (self.account if is_ours else self.reading).get(own)


@pytest.fixture(scope="session")
def running_services(new_database_url: NewDatabase, session_clock: FrozenClock) -> Iterator[BothServices]:
    """One pair a run: the provider listens, the livret service only asks."""
    from flask_migrate import upgrade

    from idp.app import create_app as create_idp
    from idp.settings import Settings as IdpSettings
    from livret_service.app import create_app as create_livret
    from livret_service.settings import Settings as LivretSettings

    idp_port, livret_port = free_ports(2)
    issuer, livret_url = f"http://localhost:{idp_port}", f"http://localhost:{livret_port}"
    idp_values: dict[str, Any] = idp_settings_values(new_database_url("both_idp")) | {"issuer": issuer}
    livret_values = livret_settings_values(new_database_url("both_livret")) | {
        "public_url": livret_url,
        "issuer": issuer,
        "client_secret": "replaced for each test",
    }
    idp = create_idp(IdpSettings.load(**idp_values), clock=session_clock)
    livret = create_livret(LivretSettings.load(**livret_values), clock=session_clock)
    for app in (idp, livret):
        with app.app_context():
            upgrade()
    with served(idp, "127.0.0.1", idp_port):
        yield BothServices(idp, livret, issuer, livret_url, session_clock)
    for app, database in ((idp, idp_db), (livret, livret_db)):
        with app.app_context():
            database.session.remove()
            database.engine.dispose()


@pytest.fixture
def services(
    running_services: BothServices, clock: FrozenClock, password_hasher: object
) -> Iterator[BothServices]:
    """Both on empty databases, the livret service registered and knowing nothing of the provider yet."""
    from livret_service.settings import Settings as LivretSettings
    from livret_service.sign_in.browser import EXTENSION
    from livret_service.sign_in.party import relying_party

    both = running_services
    with both.idp.app_context():
        signing_keys.ensure_signing_keys(now=clock.now)
        metadata: dict[str, Any] = {
            "client_id": "livret",
            "name": "Livret scolaire",
            "redirect_uris": (f"{both.livret_url}/retour",),
            "scope": SCOPE,
        }
        secret = clients.add_client(ClientMetadata(**metadata), now=clock.now)
    held = both.livret.extensions["settings"]
    with_secret: LivretSettings = held.model_copy(update={"client_secret": secret})
    both.livret.extensions[EXTENSION] = relying_party(with_secret, clock)
    yield both
    empty_tables(both.idp, idp_db)
    empty_tables(both.livret, livret_db)
    forget_held_records(both.idp)
