"""Services that register themselves: what counts is decided by the statement that acts."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from idp.db import db
from idp.oidc import dynamic_registration
from idp.oidc.dynamic_registration import InvitationRefused, ManagementRefused
from idp.oidc.models import Client
from idp.oidc.registration_request import RegistrationPolicy

DOCUMENT = {"redirect_uris": ["https://suite.example/callback"]}


def test_an_invitation_seen_by_two_is_used_by_one(idp_context: Flask, now: datetime):
    """Both looked before either acted."""
    token = dynamic_registration.invite(RegistrationPolicy(), uses=1, life=timedelta(days=1), now=now)
    first, second = (dynamic_registration.find_invitation(token, now=now) for _ in range(2))

    dynamic_registration.register(DOCUMENT, first, now=now)
    with pytest.raises(InvitationRefused):
        dynamic_registration.register(DOCUMENT, second, now=now)

    assert len(db.session.scalars(select(Client)).all()) == 1


def test_an_invitation_that_ends_meanwhile_is_not_used(idp_context: Flask, now: datetime):
    token = dynamic_registration.invite(RegistrationPolicy(), uses=1, life=timedelta(days=1), now=now)
    invitation = dynamic_registration.find_invitation(token, now=now)

    with pytest.raises(InvitationRefused):
        dynamic_registration.register(DOCUMENT, invitation, now=now + timedelta(days=1))


def test_what_was_drawn_is_not_in_any_representation(idp_context: Flask, now: datetime):
    registered = dynamic_registration.register(DOCUMENT, None, now=now)

    assert registered.client_secret not in {None, ""}
    assert str(registered.client_secret) not in repr(registered)
    assert str(registered.registration_access_token) not in repr(registered)


def test_a_removed_registration_is_removed_once(idp_context: Flask, now: datetime):
    registered = dynamic_registration.register(DOCUMENT, None, now=now)
    own = (registered.metadata.client_id, registered.registration_access_token or "")

    dynamic_registration.remove_registration(*own, now=now)

    with pytest.raises(ManagementRefused):
        dynamic_registration.remove_registration(*own, now=now)
