"""`idp worker`: delivers the outbox until it is told to stop."""

import signal
from datetime import datetime

import click
import structlog
from flask.cli import with_appcontext

from idp.messaging import service
from idp.messaging.rules import DeliveryReport
from shared.clock import app_now

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
POLL_SECONDS = 1.0
DONE, DEPENDENCY_UNAVAILABLE, PARTLY_DONE = 0, 4, 5
log = structlog.get_logger("worker")


@click.command("worker")
@click.option("--once", is_flag=True, help="Deliver what is due and exit.")
@with_appcontext
def worker(*, once: bool) -> None:
    """Deliver the messages of the outbox.

    Runs until SIGTERM or SIGINT, and finishes the message under way first. With --once, exits with 0 when all
    that was due has left, 4 when the mail server took nothing, 5 when it took some.

    \b
    Examples:
      idp worker
      idp worker --once
    """
    if once:
        raise SystemExit(_deliver_once(app_now()))
    _deliver_until_stopped()


def _deliver_once(now: datetime) -> int:
    report = service.deliver_due(now=now)
    click.echo(f"{report.sent} sent, {report.postponed} postponed, {report.failed} failed")
    return _exit_code(report)


def _exit_code(report: DeliveryReport) -> int:
    if report.postponed == report.failed == 0:
        return DONE
    return DEPENDENCY_UNAVAILABLE if report.sent == report.failed == 0 else PARTLY_DONE


def _deliver_until_stopped() -> None:
    # Blocked signals wait until we ask for them: no message is cut in the middle, and nothing is polled busily.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    log.info("worker started")
    while not _is_stopped_within(0 if _deliver_one() else POLL_SECONDS):
        continue
    log.info("worker stopped")


def _deliver_one() -> bool:
    """Whether a message was due. A database that is away for a moment is not a reason to stop."""
    try:
        return service.deliver_next(now=app_now()) is not None
    except Exception:
        log.exception("delivery failed")
        return False


def _is_stopped_within(seconds: float) -> bool:
    return signal.sigtimedwait(STOP_SIGNALS, seconds) is not None
