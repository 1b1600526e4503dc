"""Where Twilio reports on SMS. No form token: each report carries Twilio's signature."""

from flask import Blueprint, abort, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from idp.messaging import service, sms
from idp.messaging.rules import SMS_STATUS_PATH, ReportRefused, read_sms_report
from shared.clock import request_now

blueprint = Blueprint("messaging", __name__)


@blueprint.record_once
def exempt_from_form_tokens(state: BlueprintSetupState) -> None:
    """A program calls it, with a signature of its own."""
    state.app.extensions["csrf"].exempt(sms_status)


@blueprint.post(SMS_STATUS_PATH)
def sms_status() -> ResponseReturnValue:
    """What became of one SMS: 204; 403 unless it is signed, about an SMS of ours, and new (SM-09)."""
    message_id = request.args.get("message", "")
    if not sms.is_twilios(request.form, message_id, request.headers.get("X-Twilio-Signature", "")):
        abort(403)
    try:
        service.record_sms_report(read_sms_report(message_id, request.form), now=request_now())
    except ReportRefused:
        abort(403)
    return "", 204
