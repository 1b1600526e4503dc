import json

from idp.db import transaction
from idp.throttling import service as throttling
from idp.throttling.cli import status
from idp.throttling.rules import SIGN_IN_IN_ALL, SIGN_IN_PER_ACCOUNT, Budget


def run(app, *arguments):
    return app.test_cli_runner().invoke(status, arguments)


def test_in_quiet_times_nothing_is_slowed_and_no_surge_is_told(idp_app):
    result = run(idp_app)

    assert result.exit_code == 0
    assert "surges in 24 h: 0" in result.output


def test_operators_see_what_is_slowed_and_that_there_was_a_surge(idp_app, clock):
    with idp_app.app_context():
        for _ in range(25):
            throttling.spend(Budget(SIGN_IN_PER_ACCOUNT, "c.dupont"), now=clock.now)
        with transaction():
            for _ in range(20):
                throttling.note_failure(SIGN_IN_IN_ALL, now=clock.now)

    result = run(idp_app, "--format", "json")

    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["slowed"]["sign_in_per_account"] == 1
    assert told["slowed"]["sign_in_in_all"] == 1
    assert told["surges"] == [clock.now.isoformat()]


def test_a_surge_is_shown_for_a_day(idp_app, clock):
    with idp_app.app_context(), transaction():
        for _ in range(20):
            throttling.note_failure(SIGN_IN_IN_ALL, now=clock.now)

    clock.advance(hours=24)
    assert run(idp_app).exit_code == 1
    clock.advance(seconds=1)
    assert run(idp_app).exit_code == 0
