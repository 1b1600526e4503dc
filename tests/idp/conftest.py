from collections.abc import Callable

import pytest
from flask import Flask

from idp.throttling import service as throttling
from idp.throttling.rules import SMS_BREAKER, sms_breaker_budget
from tests.conftest import FrozenClock
from tests.idp.messaging.conftest import mail_server, start_server, use_mail_server

__all__ = ["mail_server", "start_server", "use_mail_server"]


@pytest.fixture
def stop_twilio(idp_app: Flask, clock: FrozenClock) -> Callable[[], None]:
    """Twilio takes no SMS for the next 30 seconds."""

    def stop() -> None:
        with idp_app.app_context():
            for _ in range(SMS_BREAKER.free_failures + 1):
                throttling.spend(sms_breaker_budget(), now=clock.now)

    return stop
