"""Reading one's own account."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy.exc import NoResultFound

from idp.accounts.models import AccountState
from idp.accounts.rules import AccountId
from idp.families.models import LinkState
from idp.my_account import service
from shared.database import uuid7
from tests.factories import make_account, make_child, make_link


def test_the_usage_name_stands_before_the_birth_name(idp_context: Flask):
    account_id = make_account(state=AccountState.ACTIVE, family_name="Lévêque", usage_name="d’Artois")

    assert service.account_sheet(account_id).full_name == "Céline D’ARTOIS"


def test_children_come_by_given_name_whatever_their_link(idp_context: Flask):
    account_id = make_account(state=AccountState.ACTIVE)
    make_link(account_id, make_child(given_name="Zélie"), state=LinkState.FROZEN)
    make_link(account_id, make_child(given_name="Anaïs", level=None))

    sheet = service.account_sheet(account_id)

    assert [(child.given_name, child.level) for child in sheet.children] == [("Anaïs", ""), ("Zélie", "CE2")]
    assert [child.given_name for child in sheet.active_children] == ["Anaïs"]


def test_an_account_without_a_child_is_still_shown(idp_context: Flask):
    activated_at = datetime(2026, 10, 1, 8, tzinfo=UTC)
    account_id = make_account(state=AccountState.ACTIVE, activated_at=activated_at)

    sheet = service.account_sheet(account_id)

    assert sheet.children == ()
    assert sheet.activated_at == activated_at


def test_an_unknown_account_is_an_error(idp_context: Flask):
    with pytest.raises(NoResultFound):
        service.account_sheet(AccountId(uuid7()))
