"""`idp worker`: delivers both outboxes, messages to people and ends of sessions to clients, until told to stop."""

import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event, Thread

import click
import structlog
from flask import Flask, current_app
from flask.cli import with_appcontext

from idp.db import transaction
from idp.families import returned_mail
from idp.messaging import service as messaging
from idp.messaging.rules import DeliveryReport, DeliveryState
from idp.oidc.logout import LogoutOutbox
from idp.one_time_codes import challenges
from idp.throttling import service as throttling
from shared.clock import app_now

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
POLL_SECONDS = 1.0
SWEEP_SECONDS = 600.0
DONE, DEPENDENCY_UNAVAILABLE, PARTLY_DONE = 0, 4, 5
log = structlog.get_logger("worker")

DeliverNext = Callable[[datetime], DeliveryState | None]


@click.command("worker")
@click.option("--once", is_flag=True, help="Deliver what is due and exit.")
@with_appcontext
def worker(*, once: bool) -> None:
    """Deliver the outboxes: messages to people, ends of sessions to services; tell schools of mails that came back.

    It also deletes counters of tries and challenges that count nothing any more. Runs until SIGTERM or SIGINT, and finishes the deliveries under way first. With --once, exits with 0 when all
    that was due has left, 4 when nothing was taken, 5 when a part was.

    \b
    Examples:
      idp worker
      idp worker --once
    """
    if once:
        sweep(app_now())
        raise SystemExit(_deliver_once(app_now()))
    _deliver_until_stopped()


def outboxes() -> Mapping[str, DeliverNext]:
    """What delivers one thing of each outbox, by the name that operators read."""
    sign_outs = LogoutOutbox()
    return {
        "messages": lambda now: messaging.deliver_next(now=now),
        "returned mails": lambda now: returned_mail.tell_next(now=now),
        "sign-outs": lambda now: sign_outs.deliver_next(now=now),
    }


def sweep(now: datetime) -> None:
    """Delete what an attack leaves behind and nothing reads any more. Quiet: nobody waits for it."""
    with transaction():
        throttling.purge_expired(now=now)
        challenges.purge_challenges(now=now)


def _deliver_once(now: datetime) -> int:
    reports = {name: _deliver_due(deliver_next, now) for name, deliver_next in outboxes().items()}
    for name, report in reports.items():
        click.echo(f"{name}: {report.sent} sent, {report.postponed} postponed, {report.failed} failed")
    return _exit_code(list(reports.values()))


def _deliver_due(deliver_next: DeliverNext, now: datetime) -> DeliveryReport:
    outcomes = list(iter(lambda: deliver_next(now), None))
    return DeliveryReport(
        sent=outcomes.count(DeliveryState.SENT),
        postponed=outcomes.count(DeliveryState.WAITING),
        failed=outcomes.count(DeliveryState.FAILED),
    )


def _exit_code(reports: list[DeliveryReport]) -> int:
    if not any(report.postponed + report.failed for report in reports):
        return DONE
    return PARTLY_DONE if any(report.sent + report.failed for report in reports) else DEPENDENCY_UNAVAILABLE


def _deliver_until_stopped() -> None:
    # Blocked signals wait until we ask for them: no delivery is cut in the middle, and nothing is polled busily.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    log.info("worker started")
    stopping, app = Event(), current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - threads outlive the proxy
    # One thread each: a mail server that hangs must not keep a service from hearing of a sign-out.
    threads = [
        Thread(target=_deliver_outbox, args=(app, deliver_next, stopping), name=name)
        for name, deliver_next in outboxes().items()
    ]
    threads.append(Thread(target=_sweep_until_stopped, args=(app, stopping), name="sweep"))
    for thread in threads:
        thread.start()
    signal.sigwait(STOP_SIGNALS)
    stopping.set()
    for thread in threads:
        thread.join()
    log.info("worker stopped")


def _deliver_outbox(app: Flask, deliver_next: DeliverNext, stopping: Event) -> None:
    while not stopping.is_set():
        with app.app_context():
            has_delivered = _deliver_one(deliver_next)
        if not has_delivered:
            stopping.wait(POLL_SECONDS)


def _sweep_until_stopped(app: Flask, stopping: Event) -> None:
    while not stopping.is_set():
        with app.app_context():
            try:
                sweep(app_now())
            except Exception:
                log.exception("sweep failed")
        stopping.wait(SWEEP_SECONDS)


def _deliver_one(deliver_next: DeliverNext) -> bool:
    """Whether something was due. A database that is away for a moment is not a reason to stop."""
    try:
        return deliver_next(app_now()) is not None
    except Exception:
        log.exception("delivery failed")
        return False
