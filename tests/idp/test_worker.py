"""The worker as an operator meets it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import select

from idp.db import db
from idp.throttling import service as throttling
from idp.throttling.models import ThrottleCounter, ThrottleTry
from idp.throttling.rules import sign_in_budgets
from idp.worker import worker
from tests.conftest import idp_settings_values
from tests.idp.messaging.test_service import enqueue

NOTHING = "".join(
    f"{outbox}: 0 sent, 0 postponed, 0 failed\n" for outbox in ("messages", "returned mails", "sign-outs")
)


@pytest.fixture
def run_once(idp_context):
    return lambda: idp_context.test_cli_runner().invoke(worker, ["--once"])


def test_once_with_nothing_due_is_done(run_once):
    result = run_once()

    assert (result.exit_code, result.stdout) == (0, NOTHING)


def test_once_delivers_what_is_due(run_once, mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    enqueue(now)

    result = run_once()

    assert (result.exit_code, result.stdout) == (0, NOTHING.replace("messages: 0", "messages: 1"))


def test_once_says_when_the_mail_server_takes_nothing(run_once, mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "451 later"
    enqueue(now)

    assert run_once().exit_code == 4


def test_once_says_when_only_a_part_left(run_once, mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.rcpt_reply = "550 no such person"
    enqueue(now)

    assert run_once().exit_code == 5


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_delivers_until_it_is_told_to_stop(mail_server, use_mail_server, now, idp_context, stop):
    use_mail_server(mail_server)
    enqueue(now)
    url = idp_context.extensions["settings"].database_url
    values = idp_settings_values(url) | {
        "mail_host": "127.0.0.1",
        "mail_port": mail_server.port,
        "log_level": "INFO",
    }
    environment = os.environ | {f"IDP_{name.upper()}": str(value) for name, value in values.items()}

    with subprocess.Popen(
        [sys.executable, "-c", "from idp.cli import main; main()", "worker"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        events = (json.loads(line)["event"] for line in process.stderr)
        assert next(event for event in events if event == "message sent")
        process.send_signal(stop)
        assert list(events)[-1] == "worker stopped"

    assert process.returncode == 0
    assert len(mail_server.postman.taken) == 1


def test_what_counts_nothing_any_more_is_swept_away(run_once, clock):
    throttling.spend(*sign_in_budgets("c.dupont", "192.0.2.0/24"), now=clock.now)
    clock.advance(hours=24)

    run_once()

    assert db.session.scalars(select(ThrottleTry.id)).all() == []
    assert db.session.scalars(select(ThrottleCounter.key)).all() == []
