"""`idp links`: who may see which child; what an operator does for a school."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import click
from flask.cli import AppGroup

from idp.accounts.rules import AccountId, normalise_identifier
from idp.families import birth_dates
from idp.families import service as families
from idp.families.cli import FORMAT, aligned, echo_rows
from idp.families.rules import LinkEnder, LinkSheet, can_be_pupils
from idp.link_disputes import service
from shared.clock import app_now

links = AppGroup("links", help="Show which children an account may see; suspend, restore or end that.")
APPLY = click.option("--apply", "is_applied", is_flag=True, help="Act; without it, only print the plan.")
_LINK_COLUMNS = ("link", "state", "ended_by", "child", "school")


@links.command("list")
@click.argument("identifier")
@FORMAT
def list_links(identifier: str, style: str) -> None:
    """List the children of the account IDENTIFIER, with the state of each link and who ended it.

    \b
    Examples:
      idp links list c.dupont2
      idp links list c.dupont2 --format json
    """
    rows = [
        (
            str(link.link_id),
            link.state.value,
            link.ended_by.value if link.ended_by else "",
            f"{link.given_name} {link.family_name}",
            link.school_uai,
        )
        for link in families.links_named(normalise_identifier(identifier))
    ]
    echo_rows("links", _LINK_COLUMNS, rows, style)


@links.command("freeze")
@click.argument("link", type=click.UUID)
@APPLY
def freeze(link: UUID, *, is_applied: bool) -> None:
    """Suspend the access that LINK gives, for the school; no import takes it back.

    \b
    Examples:
      idp links freeze 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links freeze 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("freeze", "the school suspends this access", link, _freeze, is_applied=is_applied)


@links.command("restore")
@click.argument("link", type=click.UUID)
@APPLY
def restore(link: UUID, *, is_applied: bool) -> None:
    """Give the access of LINK back, after the school has checked; settles what was reported about it.

    \b
    Examples:
      idp links restore 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links restore 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("restore", "the school gives this access back", link, families.restore_link, is_applied=is_applied)


@links.command("detach")
@click.argument("link", type=click.UUID)
@APPLY
def detach(link: UUID, *, is_applied: bool) -> None:
    """End the access that LINK gives for good; no import takes it back. Settles what was reported about it.

    \b
    Examples:
      idp links detach 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10
      idp links detach 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 --apply
    """
    _act("detach", "the school ends this access", link, families.detach_link, is_applied=is_applied)


@links.command("correct-birth-date")
@click.argument("link", type=click.UUID)
@click.argument("birth_date", metavar="YYYY-MM-DD", type=click.DateTime(formats=["%Y-%m-%d"]))
@APPLY
def correct_birth_date(link: UUID, birth_date: datetime, *, is_applied: bool) -> None:
    """Correct the birth date of the child of LINK, which parents are asked for, after the school has checked.

    Every guardian's tries start again, and the school's task is settled. The next import keeps this date, and notes
    where its file says another: have it corrected in ONDE too.

    \b
    Examples:
      idp links correct-birth-date 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 2017-03-14
      idp links correct-birth-date 019389aa-3c5e-7d21-b1f0-6f3c2c1b9a10 2017-03-14 --apply
    """
    now = app_now()
    if not can_be_pupils(birth_date.date(), today=now.date()):
        raise click.BadParameter("not a pupil's birth date", param_hint="YYYY-MM-DD")
    reason = f"born on {birth_date.date()}, the school says"
    if _plan("correct-birth-date", reason, link, is_applied=is_applied):
        birth_dates.correct_birth_date(link, birth_date.date(), now=now)


def _freeze(account_id: AccountId, link_id: UUID, *, now: datetime) -> None:
    families.freeze_link(account_id, link_id, by=LinkEnder.SCHOOL_HEAD, now=now)


def _act(act: str, reason: str, link_id: UUID, change: Callable[..., None], *, is_applied: bool) -> None:
    """Print the plan, and carry it out when told to."""
    link = _plan(act, reason, link_id, is_applied=is_applied)
    if link is None:
        return
    try:
        service.change_for_school(change, link.account_id, link.link_id, now=app_now())
    except families.LinkNotFound:
        raise click.BadParameter(f"cannot {act} a link that is {link.state}", param_hint="LINK") from None


def _plan(act: str, reason: str, link_id: UUID, *, is_applied: bool) -> LinkSheet | None:
    """Print what is to be done to a link; the link where it is to be done now."""
    link = families.find_any_link(link_id)
    if link is None:
        raise click.BadParameter("no such link: see idp links list", param_hint="LINK")
    click.echo(aligned([("act", "object", "reason"), (act, _link_words(link), reason)]))
    if not is_applied:
        click.echo("Nothing done. Add --apply to act.", err=True)
    return link if is_applied else None


def _link_words(link: LinkSheet) -> str:
    return f"{link.identifier} - {link.given_name} {link.family_name} ({link.school_uai}, {link.state})"
