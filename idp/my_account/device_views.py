"""/compte/sessions: the devices that are signed in."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext

from idp.my_account import devices
from idp.my_account.pages import present_session, refuse_strange_values, said, say
from idp.sessions import service as sessions
from idp.sessions.devices import Device
from idp.sessions.views import Answer, active_account_required
from shared.clock import request_now

blueprint = Blueprint("my_devices", __name__)


@blueprint.get("/compte/sessions")
@active_account_required
def listed() -> Answer:
    """Each device in words, when it was last used; this one first."""
    session = present_session()
    open_devices = sessions.open_sessions(session.account_id, now=request_now())
    shown = sorted(open_devices, key=lambda one: one.session_id != session.id)
    return render_template(
        "my_account/devices.html",
        devices=[(one, device_words(one.device), one.session_id == session.id) for one in shown],
        notice=said(),
    )


@blueprint.post("/compte/sessions")
@active_account_required
def close() -> Answer:
    """Sign one other device out, or all of them."""
    refuse_strange_values()
    session, now = present_session(), request_now()
    chosen = request.form.get("device", "")
    if chosen == "others":
        count = devices.close_other_devices(session, now=now)
        say(
            ngettext("%(num)s appareil a été déconnecté.", "%(num)s appareils ont été déconnectés.", count)
            if count
            else gettext("Aucun autre appareil n’était connecté.")
        )
        return redirect(url_for(".listed"), 303)
    session_id = _row_id(chosen)
    if session_id is not None and session_id != session.id:
        has_ended = devices.close_device(session, session_id, now=now)
        say(gettext("Cet appareil a été déconnecté.") if has_ended else gettext("C’est déjà fait."))
    return redirect(url_for(".listed"), 303)


def device_words(device: Device) -> str:
    """« Firefox sur Windows », or as much of it as is known."""
    if device.browser and device.system:
        return str(gettext("%(browser)s sur %(system)s", browser=device.browser, system=device.system))
    return device.browser or device.system or str(gettext("Appareil inconnu"))


def _row_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
