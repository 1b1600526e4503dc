"""The SMS channel: words from templates, and the one door to Twilio."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import requests
from flask import render_template
from flask_babel import force_locale
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from idp.messaging.rules import (
    SMS_STATUS_PATH,
    DeliveryRefused,
    DeliveryUncertain,
    Message,
    RenderedSms,
    in_gsm7,
)
from idp.settings import Settings, current

TIMEOUT_SECONDS = 4
# What Twilio says it did not take, and may take later. Any other 5xx says nothing of what was done.
NOT_NOW = frozenset({429, 503})
CLIENT_ERRORS = range(400, 500)


class SmsOff(RuntimeError):
    """An SMS was written where none can be sent: the caller asks `settings.sms_enabled` first."""


class ElsewhereHttpClient(TwilioHttpClient):  # type: ignore[misc]  # Twilio's library is untyped
    """Twilio's own HTTP client at another scheme and host, for the catcher: the library fixes its own."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(**options)
        self._elsewhere = urlsplit(url)

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        """As the library's, at the other place."""
        elsewhere = urlsplit(url)._replace(scheme=self._elsewhere.scheme, netloc=self._elsewhere.netloc)
        return super().request(method, elsewhere.geturl(), *arguments, **options)


def render(message: Message) -> RenderedSms:
    """The words of the template alone, in the message's language and in GSM-7; then the line that binds a code.

    Raises SmsOff, and UnfitSms when it is not one SMS.
    """
    settings = current()
    if not settings.sms_enabled:
        raise SmsOff
    with force_locale(message.locale):
        text = render_template(
            f"{message.template}.txt", service_name=settings.service_name, **message.variables
        ).strip()
    if one_time_code := message.variables.get("one_time_code"):
        # The form that phones read: the code is offered on pages of this host alone (SM-05).
        text = f"{text}\n@{urlsplit(settings.issuer).hostname} #{one_time_code}"
    return RenderedSms(to=message.to, text=in_gsm7(text))


def send(words: RenderedSms, row_id: UUID) -> str:
    """Hand the SMS to Twilio, once. Returns Twilio's own name of it (`SM…`).

    row_id: our key; Twilio's reports name it. Raises DeliveryRefused when Twilio did not take it,
    DeliveryUncertain when nobody can say.
    """
    settings = current()
    if not settings.sms_enabled:
        raise DeliveryRefused("sms_off", is_permanent=False)
    try:
        taken = _client(settings).messages.create(
            to=words.to,
            body=words.text,
            status_callback=status_url(settings.issuer, row_id),
            **_sender(settings),
        )
    except TwilioRestException as error:
        raise _refusal(error) from error
    except requests.RequestException as error:
        raise _network_failure(error) from error
    except (TwilioException, ValueError) as error:
        # An answer that cannot be read: something took the request.
        raise DeliveryUncertain(type(error).__name__) from error
    return str(taken.sid)


def status_url(issuer: str, row_id: UUID) -> str:
    """Where Twilio reports on one SMS. From the settings: what Twilio signs (ADR 0003)."""
    return f"{issuer}{SMS_STATUS_PATH}?{urlencode({'message': str(row_id)})}"


def is_twilios(form: Mapping[str, str], message_id: str, signature: str) -> bool:
    """Whether Twilio signed this report at the address that we gave it (« Webhooks security »).

    The address is made from the settings, never from the request: a forwarded header must not choose it.
    """
    settings = current()
    if not settings.sms_enabled:
        return False
    url = f"{settings.issuer}{SMS_STATUS_PATH}?{urlencode({'message': message_id})}"
    return bool(RequestValidator(settings.twilio_auth_token).validate(url, form, signature))


def _client(settings: Settings) -> Client:
    # One client a message: a kept connection that dies under a request leaves one more doubt.
    options = {"timeout": TIMEOUT_SECONDS, "max_retries": 0}
    http_client = (
        ElsewhereHttpClient(settings.twilio_url, **options)
        if settings.twilio_url
        else TwilioHttpClient(**options)
    )
    return Client(settings.twilio_account_sid, settings.twilio_auth_token, http_client=http_client)


def _sender(settings: Settings) -> dict[str, str]:
    if settings.twilio_messaging_service_sid:
        return {"messaging_service_sid": settings.twilio_messaging_service_sid}
    return {"from_": settings.twilio_from}


def _refusal(error: TwilioRestException) -> DeliveryRefused | DeliveryUncertain:
    """4xx is final, but for our own credentials and Twilio's pace; 5xx may have been taken all the same."""
    reason = str(error.code or error.status)
    if error.status in NOT_NOW:
        return DeliveryRefused(reason, is_permanent=False)
    if error.status in CLIENT_ERRORS:
        # Refused credentials are a fault of ours: the message waits until they are mended, while it is worth it.
        return DeliveryRefused(reason, is_permanent=error.status not in {401, 403})
    return DeliveryUncertain(reason)


def _network_failure(error: requests.RequestException) -> DeliveryRefused | DeliveryUncertain:
    """Without a connection nothing was sent; once there was one, nobody knows."""
    reason = type(error).__name__
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    is_unconnected = isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError) or isinstance(
        cause, NewConnectionError
    )
    return DeliveryRefused(reason, is_permanent=False) if is_unconnected else DeliveryUncertain(reason)
