"""`idp keys`: the state of the signing keys, their rotation, the end of one, and the seal they lie under."""

import json
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import click
from flask import current_app
from flask.cli import AppGroup

from idp.signing_keys import rotation, service
from idp.signing_keys.material import Seal
from idp.signing_keys.rotation import KeyReport
from idp.signing_keys.rules import ENDED, RETIRED, UPCOMING, Effects, Move, Pace, TokenReaders, due_moves
from shared.clock import app_now

keys = AppGroup("keys", help="Show, rotate, end and seal the signing keys.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)
APPLY = click.option("--apply", "is_applied", is_flag=True, help="Act; without it, only print the plan.")
CHECK_SAYS_NO = 1
NAMES_SHOWN = 3
STATUS_COLUMNS = ("key", "alg", "state", "age", "next", "when", "why", "not_fetched_by")
MOVE_COLUMNS = ("act", "key", "alg", "from", "to", "when", "reason")
SEAL_NOTES = {
    Seal.PREVIOUS: "To be sealed anew with idp keys rewrap --apply",
    Seal.BROKEN: "Sealed under a key-encryption key that is not in the settings: restore it, or end these keys",
}
LASTING_STATES = {RETIRED: "kept for the hints of old sessions", ENDED: "refused everywhere"}


@keys.command("status")
@FORMAT
def status(style: str) -> None:
    """List the signing keys, with what each does next.

    A new installation gets its first keys here. Ages count from the entry into the state. A waiting key shows the
    active clients that are not known to have fetched the key set since it is in it; one that never names itself
    stays there, and the longest cache age is waited for instead. Exits with 1 when something is to be done.

    \b
    Examples:
      idp keys status
      idp keys status --format json
    """
    now = app_now()
    service.ensure_signing_keys(now=now)
    reports, plan = rotation.report(_readers(), now=now)
    due = due_moves(plan, now=now)
    if style == "json":
        _json(
            keys=[_report_as_json(report, now) for report in reports],
            moves=[_move_as_json(move) for move in plan],
            due=len(due),
        )
    else:
        _table([_report_row(report, now) for report in reports], STATUS_COLUMNS)
    notes = list(_seal_notes(reports))
    if due:
        notes.append(f"{_count(len(due), 'move')} due: run idp keys rotate to see, with --apply to act.")
    for note in notes:
        click.echo(note, err=True)
    raise SystemExit(CHECK_SAYS_NO if notes else 0)


@keys.command("rotate")
@APPLY
@click.option(
    "--early",
    "is_early",
    is_flag=True,
    help="Do not wait for the signing key's days to end, only for caches.",
)
@FORMAT
def rotate(is_applied: bool, is_early: bool, style: str) -> None:  # noqa: FBT001 - click gives a flag by position
    """Print the dated plan of the rotation, and take the step that is due with --apply.

    A successor is published at once; it signs when every cache holds it and the signing key's days are over. Run
    again, it does nothing until the next step is due: a daily timer may run it.

    \b
    Examples:
      idp keys rotate
      idp keys rotate --apply
      idp keys rotate --early --apply
    """
    now, pace = app_now(), Pace.EARLY if is_early else Pace.ASKED
    plan = rotation.rotation_plan(_readers(), pace, now=now)
    _moves(plan, style, now)
    due = due_moves(plan, now=now)
    if not due:
        click.echo(
            _nothing_due(plan) + ("" if is_early else " Add --early to wait for caches alone."), err=True
        )
    elif not is_applied:
        click.echo(f"{_count(len(due), 'move')} due now. Nothing done. Add --apply to act.", err=True)
    else:
        _tell_made(rotation.rotate(_readers(), pace, now=now), due)


@keys.command("emergency")
@click.argument("kid")
@APPLY
@FORMAT
def emergency(kid: str, is_applied: bool, style: str) -> None:  # noqa: FBT001 - click gives a flag by position
    """End the key KID now: for a private key that somebody else may hold.

    Counts what ends with it. With --apply the key leaves the key set at once, is refused everywhere, even as a
    hint of an old session, its private half is erased, and a successor signs.

    \b
    Examples:
      idp keys emergency k-2026-11-23-1a2b3c4d
      idp keys emergency k-2026-11-23-1a2b3c4d --apply
    """
    now = app_now()
    plan = rotation.emergency_plan(kid, _readers(), now=now)
    effects = rotation.emergency_effects(kid, _readers(), now=now)
    _moves(plan, style, now, effects=effects)
    if not plan:
        click.echo(f"{kid} has ended already. Nothing to do.", err=True)
    elif not is_applied:
        click.echo(f"{_count(len(plan), 'move')}. Nothing done. Add --apply to act.", err=True)
    else:
        _tell_made(rotation.end_by_emergency(kid, _readers(), now=now), plan)


@keys.command("rewrap")
@APPLY
@FORMAT
def rewrap(is_applied: bool, style: str) -> None:  # noqa: FBT001 - click gives a flag by position
    """Seal the private keys anew under the present key-encryption key.

    To change that key: give every node the new one as IDP_KEY_ENCRYPTION_KEY and the old one as
    IDP_PREVIOUS_KEY_ENCRYPTION_KEY (in the environment, or as files in IDP_SECRETS_DIR), restart, run this with
    --apply, then remove the old one.

    \b
    Examples:
      idp keys rewrap
      idp keys rewrap --apply
    """
    plan = rotation.resealing_plan()
    rows = [{"act": "reseal", "key": each.kid, "sealed_under": each.seal.value} for each in plan]
    if style == "json":
        _json(keys=rows)
    elif rows:
        _table(rows, ("act", "key", "sealed_under"))
    if not plan:
        click.echo("Every private key lies under the present key-encryption key. Nothing to do.", err=True)
    elif not is_applied:
        click.echo(f"{_count(len(plan), 'key')}. Nothing done. Add --apply to act.", err=True)
    else:
        done = rotation.reseal(now=app_now())
        click.echo(f"{_count(done, 'key')} sealed anew. Remove IDP_PREVIOUS_KEY_ENCRYPTION_KEY.", err=True)


def _seal_notes(reports: Sequence[KeyReport]) -> Iterable[str]:
    for seal, note in SEAL_NOTES.items():
        kids = [report.view.kid for report in reports if report.seal is seal]
        if kids:
            yield f"{note}: {', '.join(kids)}"


def _readers() -> TokenReaders:
    return cast("TokenReaders", current_app.extensions["token_readers"])


def _tell_made(made: Sequence[Move], planned: Sequence[Move]) -> None:
    # What is said is true when it is said: no worker signs with, publishes or believes what was before.
    time.sleep(service.MAXIMUM_AGE_SECONDS * 1.2)
    click.echo(f"{len(made)} of {_count(len(planned), 'move')} made. Every worker knows.", err=True)


def _nothing_due(plan: Sequence[Move]) -> str:
    following = plan[0]
    return f"No move is due. The next one: {following.act} {following.kid} on {_day(following.due_at)}."


def _moves(plan: Sequence[Move], style: str, now: datetime, *, effects: Effects | None = None) -> None:
    if style == "json":
        _json(moves=[_move_as_json(move) for move in plan], **_effects_as_json(effects))
        return
    if not plan:
        return
    _table([_move_row(move, now) for move in plan], MOVE_COLUMNS)
    for line in _effect_lines(effects) if effects else ():
        click.echo(line)


def _effect_lines(effects: Effects) -> Iterable[str]:
    minutes = service.JWKS_SECONDS // 60
    yield ""
    yield f"clients   {effects.clients:>6}  hold the key in a cache, for {minutes} minutes if they honour its age"
    yield f"id_tokens {effects.id_tokens:>6}  have not expired, and are refused from then on"
    yield f"sessions  {effects.sessions:>6}  may need a confirmation to sign out: their hint is refused"


def _effects_as_json(effects: Effects | None) -> dict[str, Any]:
    if effects is None:
        return {}
    counted = {"clients": effects.clients, "id_tokens": effects.id_tokens, "sessions": effects.sessions}
    return {"effects": counted}


def _report_row(report: KeyReport, now: datetime) -> dict[str, str]:
    view, move = report.view, report.next_move
    return {
        "key": view.kid,
        "alg": view.algorithm.value,
        "state": view.state.value,
        "age": _age(now - view.since),
        "next": move.act if move else "-",
        "when": _when(move, now) if move else "-",
        "why": move.reason if move else LASTING_STATES.get(view.state, "-"),
        "not_fetched_by": _names(view.unread_by or ()) if view.state is UPCOMING else "-",
    }


def _report_as_json(report: KeyReport, now: datetime) -> dict[str, Any]:
    view = report.view
    return {
        "kid": view.kid,
        "alg": view.algorithm.value,
        "state": view.state.value,
        "since": _instant(view.since),
        "age_seconds": int((now - view.since).total_seconds()),
        "sealed": report.seal.value,
        "next": _move_as_json(report.next_move) if report.next_move else None,
        "not_fetched_by": list(view.unread_by or ()),
    }


def _move_row(move: Move, now: datetime) -> dict[str, str]:
    return {
        "act": move.act,
        "key": move.kid,
        "alg": move.algorithm.value,
        "from": move.from_state.value if move.from_state else "-",
        "to": move.to.value,
        "when": _when(move, now),
        "reason": move.reason,
    }


def _move_as_json(move: Move) -> dict[str, Any]:
    return {
        "act": move.act,
        "kid": None if move.from_state is None else move.kid,
        "alg": move.algorithm.value,
        "from": move.from_state.value if move.from_state else None,
        "to": move.to.value,
        "due_at": _instant(move.due_at),
        "reason": move.reason,
    }


def _names(clients: Sequence[str]) -> str:
    if not clients:
        return "none"
    more = f" and {len(clients) - NAMES_SHOWN} more" if len(clients) > NAMES_SHOWN else ""
    return ", ".join(clients[:NAMES_SHOWN]) + more


def _when(move: Move, now: datetime) -> str:
    return "now" if move.due_at <= now else _day(move.due_at)


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def _age(age: timedelta) -> str:
    if age.days:
        return _count(age.days, "day")
    minutes = int(age.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _json(**members: Any) -> None:
    click.echo(json.dumps({"schema": 1, **members}, ensure_ascii=False, indent=2))


def _table(rows: list[dict[str, str]], columns: Sequence[str]) -> None:
    lines = [list(columns), *([row[column] for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
