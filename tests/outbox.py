"""What waits in the provider's outbox, as its recipients will read it."""

from flask import Flask
from sqlalchemy import select

from idp.db import db
from idp.messaging import service as messaging
from idp.messaging.models import OutboxMessage
from idp.messaging.rules import NOBODY, Channel, RenderedMail, RenderedSms


def waiting_messages(app: Flask) -> list[RenderedMail | RenderedSms]:
    """Everything that will leave, oldest first: not what is withdrawn, nor what was only rehearsed."""
    with app.app_context():
        rows = db.session.scalars(
            select(OutboxMessage).where(OutboxMessage.failed_at.is_(None)).order_by(OutboxMessage.id)
        )
        words = [
            messaging._open_sms(row) if row.channel is Channel.SMS else messaging._open(row) for row in rows
        ]
    return [message for message in words if message.to not in NOBODY.values()]


def waiting_mails(app: Flask) -> list[RenderedMail]:
    """The mails among them."""
    return [message for message in waiting_messages(app) if isinstance(message, RenderedMail)]


def waiting_sms(app: Flask) -> list[RenderedSms]:
    """The SMS among them."""
    return [message for message in waiting_messages(app) if isinstance(message, RenderedSms)]
