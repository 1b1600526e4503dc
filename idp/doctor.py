"""`idp doctor`: one line for each thing that an installation needs, and what to do where it is missing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from idp.db import db
from idp.families import service as families
from idp.messaging import mail, sending_domain
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import DeliveryRefused
from idp.settings import current
from idp.signing_keys import rotation
from idp.signing_keys.material import Seal
from idp.signing_keys.rules import ACTIVE, ALWAYS_PUBLISHED, TokenReaders, due_moves
from shared.clock import app_now
from shared.findings import Check, Finding, examine, tables_finding, tell

LONGEST_WAIT = timedelta(minutes=15)
"""How long a message may wait in the outbox before the worker is thought to be away."""
SHOWN = 5


def check_database(_now: datetime) -> Finding:
    """Reachable, and with the tables of this release."""
    return tables_finding(db.engine, "idp")


def check_signing_keys(now: datetime) -> Finding:
    """One that signs for each algorithm that is always published, and no move that waits."""
    reports, plan = rotation.report(_readers(), now=now)
    signing = {report.view.algorithm for report in reports if report.view.state is ACTIVE}
    missing = [algorithm.value for algorithm in ALWAYS_PUBLISHED if algorithm not in signing]
    if missing:
        return Finding("signing keys", f"none signs for {', '.join(missing)}", "run idp keys status")
    due = len(due_moves(plan, now=now))
    if due:
        return Finding("signing keys", f"{due} moves due", "run idp keys rotate, then with --apply")
    return Finding("signing keys", f"{len(signing)} sign, no move is due")


def check_key_encryption(now: datetime) -> Finding:
    """The key-encryption key of the settings opens every private key."""
    reports, _ = rotation.report(_readers(), now=now)
    broken = [report.view.kid for report in reports if report.seal is Seal.BROKEN]
    if broken:
        remedy = "give IDP_KEY_ENCRYPTION_KEY (or the previous one) that sealed them"
        return Finding("key-encryption key", f"does not open {', '.join(broken)}", remedy)
    if any(report.seal is Seal.PREVIOUS for report in reports):
        return Finding(
            "key-encryption key", "some keys lie under the previous one", "run idp keys rewrap --apply"
        )
    return Finding("key-encryption key", f"opens {len(reports)} keys")


def check_mail(_now: datetime) -> Finding:
    """The mail server answers, encrypted as the settings say, and lets us in."""
    settings = current()
    where = f"{settings.mail_host}:{settings.mail_port} ({settings.mail_security})"
    try:
        mail.check_server()
    except DeliveryRefused as refusal:
        remedy = "compare IDP_MAIL_… with the mail server's; parents get no mail"
        return Finding("mail server", f"{where}: {refusal.reason}", remedy)
    return Finding("mail server", where)


def check_spf(_now: datetime) -> Finding:
    """Receivers know which servers may send for the domain."""
    return _look_up("SPF", sending_domain.spf_problem)


def check_dkim(_now: datetime) -> Finding:
    """Receivers find the key that the mail server signs with."""
    selector = current().mail_dkim_selector
    if not selector and _is_public(_domain()):
        return Finding("DKIM", "not looked for: set IDP_MAIL_DKIM_SELECTOR", is_unknown=True)
    return _look_up("DKIM", lambda domain: sending_domain.dkim_problem(domain, selector))


def check_dmarc(_now: datetime) -> Finding:
    """Receivers are told to refuse what others send in the domain's name."""
    return _look_up("DMARC", sending_domain.dmarc_problem)


def check_outbox(now: datetime) -> Finding:
    """The worker takes what is due."""
    waiting = select(func.min(OutboxMessage.due_at)).where(
        OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None), OutboxMessage.dropped_at.is_(None)
    )
    due_at = db.session.scalar(waiting)
    if due_at is not None and now - due_at > LONGEST_WAIT:
        minutes = int((now - due_at) / timedelta(minutes=1))
        return Finding(
            "worker", f"a message is {minutes} minutes overdue", "start idp worker, or read its log"
        )
    return Finding("worker", "nothing is overdue")


def check_fetch_exemptions(_now: datetime) -> Finding:
    """Hosts inside that registered addresses may name: reported, for each is a hole that somebody asked for."""
    hosts = current().fetch_exempt_hosts
    return Finding("exempt hosts", ", ".join(sorted(hosts)) or "none")


def check_school_contacts(_now: datetime) -> Finding:
    """Where a parent is told to turn to when nothing else helps."""
    without = [school.uai for school in families.list_schools() if not (school.phone or school.email)]
    if without:
        shown = ", ".join(without[:SHOWN]) + (" …" if len(without) > SHOWN else "")
        remedy = "run idp schools set UAI --phone … --email …"
        return Finding("school contacts", f"{len(without)} without any: {shown}", remedy)
    return Finding("school contacts", "every school has one")


CHECKS: tuple[Check, ...] = (
    check_database,
    check_signing_keys,
    check_key_encryption,
    check_mail,
    check_spf,
    check_dkim,
    check_dmarc,
    check_outbox,
    check_fetch_exemptions,
    check_school_contacts,
)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look whether this installation has what it needs: one line for each check, with what to do.

    A line begins with ok, NO, or ?? where the check could not look. Exits with 1 when a check says no. Changes
    nothing, and sends no mail.

    \b
    Examples:
      idp doctor
      idp doctor || echo "look at it"
    """
    tell(examine(CHECKS, app_now(), database_setting="IDP_DATABASE_URL"))


def _look_up(name: str, problem_of: Callable[[str], str | None]) -> Finding:
    domain = _domain()
    if not _is_public(domain):
        return Finding(name, f"{domain} is not a domain that others look up")
    try:
        problem = problem_of(domain)
    except sending_domain.CouldNotLook as failure:
        return Finding(name, f"{domain}: could not look ({failure})", is_unknown=True)
    if problem is not None:
        return Finding(name, f"{domain}: {problem}", "see docs/mail.md; mailboxes refuse or hide such mail")
    return Finding(name, domain)


def _domain() -> str:
    return current().mail_sender_address.rpartition("@")[2].lower()


def _is_public(domain: str) -> bool:
    return "." in domain


def _readers() -> TokenReaders:
    return cast("TokenReaders", current_app.extensions["token_readers"])
