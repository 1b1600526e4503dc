"""`idp doctor`: one line for each thing that an installation needs, and what to do where it is missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import click
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

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

LONGEST_WAIT = timedelta(minutes=15)
"""How long a message may wait in the outbox before the worker is thought to be away."""
WELL, CHECK_SAYS_NO = 0, 1
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. remedy: what to do; None when all is well.

    is_unknown: the check could not look, which says nothing against the installation.
    """

    name: str
    seen: str
    remedy: str | None = None
    is_unknown: bool = False

    @property
    def mark(self) -> str:
        """How its line begins."""
        if self.is_unknown:
            return "??"
        return "ok" if self.remedy is None else "NO"


Check = Callable[[datetime], Finding]


def check_database(_now: datetime) -> Finding:
    """Reachable, and with the tables of this release."""
    head = ScriptDirectory.from_config(
        current_app.extensions["migrate"].migrate.get_config()
    ).get_current_head()
    with db.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present != head:
        return Finding("database", f"at {present}, this release wants {head}", "run idp db upgrade")
    return Finding("database", f"at {head}")


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
    check_database,  # the others read it
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


def examine(now: datetime) -> Iterator[Finding]:
    """Every check in order; when the tables are not there or not ours, those that read them are not run."""
    for check in CHECKS:
        try:
            finding = check(now)
        except SQLAlchemyError as failure:
            told = type(getattr(failure, "orig", None) or failure).__name__
            yield Finding(
                "database", f"does not answer: {told}", "compare IDP_DATABASE_URL with the server's"
            )
            return
        yield finding
        if check is check_database and finding.remedy is not None:
            return


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
    findings = list(examine(app_now()))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        way = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(f"{finding.mark}  {finding.name:{width}}  {finding.seen}{way}")
    raise SystemExit(CHECK_SAYS_NO if any(finding.remedy for finding in findings) else WELL)


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
