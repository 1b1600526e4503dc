"""MH-07, G20: a worker that dies at any point of a delivery loses nothing and does nothing twice."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from demo.catcher import Mailbox, create_catcher
from idp.db import db, transaction
from idp.messaging import service
from idp.messaging.mail import init_mail
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import LEASE, DeliveryState, Message
from idp.settings import Settings
from tests.idp.messaging.conftest import TWILIO, MailServer
from tests.idp.messaging.test_service import a_message
from tests.idp.messaging.test_sms import a_code
from tests.killing import KILLS_A_POINT, NEVER, every_point, run_until_killed


def deliver(app: Flask, now: datetime) -> Any:
    def act() -> DeliveryState | None:
        with app.app_context():
            return service.deliver_next(now=now)

    return act


def written(app: Flask, message: Message, now: datetime) -> UUID:
    with app.app_context(), transaction():
        return service.enqueue(message, now=now)


def left(app: Flask, row_id: UUID) -> OutboxMessage:
    with app.app_context():
        found = db.session.get_one(OutboxMessage, row_id)
        db.session.expunge(found)
        return found


def test_mh_07_a_mail_leaves_whenever_its_worker_dies(idp_app, mail_server, use_channels, now):
    use_channels(mail_server)
    written(idp_app, a_message(), now)
    points = run_until_killed(idp_app, deliver(idp_app, now)).points
    mail_server.postman.taken.clear()

    for point in every_point(points):
        row_id = written(idp_app, a_message(), now)
        assert run_until_killed(idp_app, deliver(idp_app, now), before=point).is_killed
        # The next worker, once the lease of the dead one has run out; never earlier.
        later = now + LEASE
        while run_until_killed(idp_app, deliver(idp_app, later)).answer is not None:
            pass

        copies = [mail["Message-ID"] for mail in mail_server.postman.taken]
        assert copies in ([copies[0]], [copies[0]] * 2), f"killed before point {point}"
        assert str(row_id) in copies[0]
        assert left(idp_app, row_id).state is DeliveryState.SENT
        mail_server.postman.taken.clear()

    assert points >= 5


def test_mh_07_an_sms_leaves_at_most_once_whenever_its_worker_dies(idp_app, sms_catcher, now):
    written(idp_app, a_code(), now)
    points = run_until_killed(idp_app, deliver(idp_app, now)).points
    seen = 1

    outcomes = set()
    for point in every_point(points):
        row_id = written(idp_app, a_code(), now)
        assert run_until_killed(idp_app, deliver(idp_app, now), before=point).is_killed
        while run_until_killed(idp_app, deliver(idp_app, now + LEASE)).answer is not None:
            pass

        copies, seen = len(sms_catcher.messages()) - seen, len(sms_catcher.messages())
        state = left(idp_app, row_id).state
        assert copies in {0, 1}, f"killed before point {point}"
        assert copies == 1 or state is DeliveryState.FAILED, "not sent, and nobody would know"
        outcomes.add((copies, state))

    assert outcomes == {(1, DeliveryState.SENT), (1, DeliveryState.FAILED)} | (
        outcomes & {(0, DeliveryState.FAILED)}
    )


def test_a_message_is_there_exactly_when_its_transaction_is(idp_app, now):
    def write() -> None:
        with idp_app.app_context(), transaction():
            service.enqueue(a_message(), now=now)
            service.enqueue(a_message(to="autre@exemple.fr"), now=now)

    points = run_until_killed(idp_app, write, before=NEVER).points
    for point in every_point(points):
        run_until_killed(idp_app, write, before=point)

    with idp_app.app_context():
        # Two messages of the first run, and of each one that died when all was committed.
        assert db.session.query(OutboxMessage).count() == 2 + 2 * KILLS_A_POINT


@pytest.fixture
def use_channels(idp_app: Flask) -> Iterator[Any]:
    """Points the application at servers, without a context that a child would share."""
    before: Settings = idp_app.extensions["settings"]

    def use(server: MailServer | None = None, **changed: Any) -> None:
        values = {"mail_host": "127.0.0.1", "mail_port": server.port} if server else {}
        settings = before.model_copy(update=values | changed)
        idp_app.extensions["settings"] = settings
        init_mail(idp_app, settings)

    yield use
    idp_app.extensions["settings"] = before
    init_mail(idp_app, before)


@pytest.fixture
def sms_catcher(use_channels: Any, serve: Any) -> Mailbox:
    mailbox = Mailbox()
    use_channels(**TWILIO, twilio_url=serve(create_catcher(mailbox)))
    return mailbox
