"""`idp messages`, as operators and mail servers run it."""

import json
from datetime import timedelta

import pytest

from idp.cli import idp
from idp.messaging import service
from idp.messaging.rules import DeliveryState
from tests.idp.messaging.test_reports import a_report
from tests.idp.messaging.test_returns import ADDRESS, enqueue
from tests.idp.messaging.test_service import row
from tests.idp.messaging.test_sms import enqueue as enqueue_sms


@pytest.fixture
def run(idp_context):
    def invoke(*arguments: object, typed: bytes | None = None):
        runner = idp_context.test_cli_runner()
        return runner.invoke(idp, ["messages", *map(str, arguments)], input=typed)

    return invoke


@pytest.fixture
def failed(mail_server, use_mail_server, now):
    use_mail_server(mail_server)
    mail_server.postman.data_reply = "554 not these words"
    row_id = enqueue(now)
    service.deliver_due(now=now)
    mail_server.postman.data_reply = "250 OK"
    return row_id


def test_the_list_masks_recipients_and_shows_no_words(run, failed):
    result = run("list")

    assert result.exit_code == 1
    assert f"{failed}  email    notices/password_changed  c•••@exemple.fr" in result.stdout
    assert ADDRESS not in result.output
    assert "c.dupont" not in result.output


def test_the_list_in_json(run, failed):
    shown = json.loads(run("list", "--format", "json").stdout)

    assert shown["schema"] == 1
    assert [(one["message"], one["state"], one["reason"]) for one in shown["messages"]] == [
        (str(failed), "failed", "554")
    ]


def test_nothing_that_failed_is_a_good_answer(run, mail_server, use_mail_server, now):
    enqueue(now)

    assert run("list").exit_code == 0
    assert "waiting" in run("list", "--waiting").stdout


def test_a_plan_changes_nothing(run, failed):
    for command in ("retry", "drop"):
        result = run(command, "--all")
        assert (result.exit_code, result.stderr.split()[0]) == (0, "1")
        assert "Nothing done. Add --apply to act." in result.stderr

    assert row(failed).state is DeliveryState.FAILED


def test_a_retried_mail_leaves_under_its_name_with_a_new_day(run, failed, mail_server, clock):
    clock.advance(days=3)

    assert run("retry", failed, "--apply").exit_code == 0
    mail_server.postman.rcpt_reply = "451 later"
    service.deliver_due(now=clock.now)
    assert row(failed).state is DeliveryState.WAITING
    mail_server.postman.rcpt_reply = "250 OK"
    service.deliver_due(now=clock.advance(minutes=10))

    assert [str(failed) in mail["Message-ID"] for mail in mail_server.postman.taken] == [True]


def test_a_dropped_message_is_seen_no_more_and_its_words_are_gone(run, failed):
    run("drop", failed, "--apply")

    assert run("list").exit_code == 0
    assert row(failed).sealed_words is None


def test_an_sms_is_never_tried_again(run, answering, now, failed):
    answering(400, 21211)
    sms = enqueue_sms(now)
    service.deliver_due(now=now)

    result = run("retry", "--all", "--apply")

    assert result.exit_code == 5
    assert "an SMS is never sent twice" in result.stdout
    assert row(sms).state is DeliveryState.FAILED
    assert row(failed).state is DeliveryState.WAITING


@pytest.mark.parametrize("arguments", [[], ["--all", "01a209d1-c3bf-709a-a79c-adb314081d76"], ["x"]])
def test_a_wrong_use_is_refused(run, failed, arguments):
    assert run("retry", *arguments).exit_code == 2


def test_an_unknown_message_is_named(run, failed):
    result = run("drop", "01a209d1-c3bf-709a-a79c-adb314081d76", "--apply")

    assert result.exit_code == 2
    assert "is no failed message" in result.stderr


def test_em_21_a_report_is_taken_from_standard_input(run, mail_server, use_mail_server, now, clock):
    use_mail_server(mail_server)
    row_id = enqueue(now)
    service.deliver_due(now=now)
    clock.advance(minutes=1)
    report = a_report(message_id=f"<{row_id}@compte.example>")

    first, second = run("bounce", typed=report), run("bounce", typed=report)

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert row(row_id).returned_at == now + timedelta(minutes=1)
    assert ADDRESS not in first.output


def test_a_report_may_be_a_file_and_noise_is_told(run, tmp_path):
    noise = tmp_path / "noise.eml"
    noise.write_bytes(b"\xff\x00")

    assert run("bounce", noise).exit_code == 1
