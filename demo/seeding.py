"""What a demo needs of the provider's data that no command does or tells: the one module that looks inside `idp`."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import click
from flask.cli import AppGroup
from sqlalchemy import delete, select, update

from demo.settings import DemoRefused
from idp.accounts import service as accounts
from idp.accounts.models import Account, ChannelChange
from idp.accounts.rules import RECOVERS_AFTER, AccountId, AccountState
from idp.db import db, transaction
from idp.families.models import Child, Guardian, Link, LinkState
from idp.passwords import service as passwords
from idp.settings import current
from shared.clock import app_now
from shared.settings import is_loopback

OPEN_STATES = set(AccountState) - {AccountState.DISABLED, AccountState.MERGED}


def disable(identifier: str, *, now: datetime) -> None:
    """What an operator will do from the console."""
    with transaction():
        account_id = _account_id(identifier)
        accounts.change_state(account_id, from_states=OPEN_STATES, to=AccountState.DISABLED, now=now)


def let_channels_recover(identifier: str, *, now: datetime) -> None:
    """As if the account's address and number had been given two days ago: a fresh one serves recovery a day later."""
    long_enough_ago = now - 2 * RECOVERS_AFTER
    with transaction():
        db.session.execute(
            update(Account)
            .where(Account.id == _account_id(identifier))
            .values(email_recovers_from=long_enough_ago, phone_recovers_from=long_enough_ago)
        )
        # What was confirmed long ago is no recent change that could be taken back.
        db.session.execute(delete(ChannelChange).where(ChannelChange.account_id == _account_id(identifier)))


def guardians(*, now: datetime) -> list[dict[str, Any]]:
    """Every account as demo.json lists it, by identifier; a provisional password where one opens the account."""
    return [
        _guardian(account, now)
        for account in db.session.scalars(select(Account).order_by(Account.identifier))
    ]


def _guardian(account: Account, now: datetime) -> dict[str, Any]:
    letter = passwords.provisional_password_of(account.id)
    is_open = account.state is AccountState.NOTIFIED and letter is not None and letter.expires_at > now
    return {
        "identifier": account.identifier,
        "name": " ".join(
            part for part in (account.given_name, account.usage_name or account.family_name) if part
        ),
        "state": account.state.value,
        "provisional_password": letter.provisional_password if letter and is_open else None,
        "password": None,
        "email": account.email if account.email_confirmed_at else None,
        "phone": account.phone if account.phone_confirmed_at else None,
        # What activation without a letter is asked for, with the names.
        "mobile_at_school": db.session.scalar(
            select(Guardian.roster_phone).where(Guardian.account_id == account.id)
        ),
        "children": _children(account),
    }


def _children(account: Account) -> list[dict[str, Any]]:
    children = db.session.scalars(
        select(Child)
        .join(Link, Link.child_id == Child.id)
        .where(Link.account_id == account.id, Link.state == LinkState.ACTIVE)
        .order_by(Child.birth_date.desc(), Child.given_name)
    )
    return [
        {
            "given_name": child.given_name,
            "family_name": child.usage_name or child.family_name,
            "birthdate": child.birth_date.isoformat(),
            "ine": child.ine,
            "level": child.level,
            "school_uai": child.school_uai,
        }
        for child in children
    ]


def _account_id(identifier: str) -> AccountId:
    if not is_loopback(urlsplit(current().issuer).hostname):
        raise DemoRefused("seeding is for a provider on this machine")
    found = accounts.find_by_identifier(identifier)
    if found is None:
        raise DemoRefused(f"no account {identifier}")
    return found.account_id


seeding = AppGroup("demo-seeding", help="What a demo needs of the provider's data.")


@seeding.command("disable")
@click.argument("identifier")
def disable_command(identifier: str) -> None:
    """Disable an account."""
    disable(identifier, now=app_now())


@seeding.command("let-channels-recover")
@click.argument("identifier")
def let_channels_recover_command(identifier: str) -> None:
    """Let an account's confirmed channels serve recovery at once."""
    let_channels_recover(identifier, now=app_now())


@seeding.command("guardians")
def guardians_command() -> None:
    """Print every account, as JSON."""
    click.echo(json.dumps(guardians(now=app_now()), ensure_ascii=False))
