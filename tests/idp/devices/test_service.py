from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from idp.db import db, transaction
from idp.devices import service as devices
from idp.devices.models import KnownDevice
from idp.devices.rules import COOKIE_LIFE, DEVICES_PER_ACCOUNT
from tests.conftest import FrozenClock
from tests.factories import make_account

IDENTIFIER = "c.lhenoret2"
SECRET = "s" * 43


def remember(account_id, secret, now, identifier=IDENTIFIER) -> bool:
    with transaction():
        return devices.remember(account_id, identifier, secret, now=now)


def test_a_device_is_known_once_it_signed_in_and_new_only_once(
    idp_context: Flask, clock: FrozenClock
) -> None:
    account_id = make_account(identifier=IDENTIFIER)

    assert not devices.is_known(SECRET, IDENTIFIER, now=clock.now)
    assert remember(account_id, SECRET, clock.now)
    assert devices.is_known(SECRET, IDENTIFIER, now=clock.now)
    assert not remember(account_id, SECRET, clock.advance(days=1))


def test_it_is_known_to_that_account_alone(idp_context: Flask, now) -> None:
    remember(make_account(identifier=IDENTIFIER), SECRET, now)

    assert not devices.is_known(SECRET, "p.martin", now=now)
    assert not devices.is_known("t" * 43, IDENTIFIER, now=now)


def test_it_is_known_as_long_as_browsers_keep_its_cookie(idp_context: Flask, clock: FrozenClock) -> None:
    remember(make_account(identifier=IDENTIFIER), SECRET, clock.now)
    life = COOKIE_LIFE.total_seconds()

    assert devices.is_known(SECRET, IDENTIFIER, now=clock.now + timedelta(seconds=life - 1))
    assert not devices.is_known(SECRET, IDENTIFIER, now=clock.now + timedelta(seconds=life))


def test_its_secret_is_not_stored(idp_context: Flask, now) -> None:
    remember(make_account(identifier=IDENTIFIER), SECRET, now)

    assert SECRET.encode() not in db.session.scalars(select(KnownDevice.digest)).one()


def test_forgetting_keeps_the_browser_in_hand_if_asked(idp_context: Flask, now) -> None:
    account_id = make_account(identifier=IDENTIFIER)
    remember(account_id, SECRET, now)
    remember(account_id, "t" * 43, now)

    with transaction():
        assert devices.forget_devices(account_id, IDENTIFIER, keeping=SECRET) == 1
    assert devices.is_known(SECRET, IDENTIFIER, now=now)
    with transaction():
        assert devices.forget_devices(account_id, IDENTIFIER) == 1
    assert not devices.is_known(SECRET, IDENTIFIER, now=now)


def test_an_account_knows_so_many_devices_and_no_more(idp_context: Flask, clock: FrozenClock) -> None:
    account_id = make_account(identifier=IDENTIFIER)
    secrets = [f"{number:043}" for number in range(DEVICES_PER_ACCOUNT + 5)]
    for secret in secrets:
        remember(account_id, secret, clock.advance(minutes=1))

    known = [devices.is_known(secret, IDENTIFIER, now=clock.now) for secret in secrets]
    assert known == [False] * 5 + [True] * DEVICES_PER_ACCOUNT
