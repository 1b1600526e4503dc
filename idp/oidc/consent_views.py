"""What services may know of a person: `/autorisation` asks, `/compte/services` shows and takes back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from idp.accounts.rules import AccountId
from idp.errors import OAuthRefusal
from idp.families import service as families
from idp.families.rules import GuardianChild
from idp.oidc import consents
from idp.oidc.checks.authorization import AuthorizationRequest
from idp.oidc.checks.parameters import DemandeMalformed
from idp.oidc.checks.sign_in import ConsentRefused, LoginRequired, Presence
from idp.oidc.provider import current_provider
from idp.oidc.scopes import EMAIL, OPENID, PHONE, PROFILE
from idp.oidc.views import presence_on_return, refuse, start_again, to_sign_in, unseal_demande
from idp.sessions.views import Answer, active_account_required, full_session
from idp.sign_in.rules import CarriedRequest, DemandeExpired
from idp.sign_in.views import allow_redirect_to
from shared.claims import SCOPE_CHILDREN, SCOPE_CHILDREN_BIRTHDATE, SCOPE_CHILDREN_INE
from shared.clock import request_now
from shared.headers import allow, origin_of
from shared.reopening import page_of_form

blueprint = Blueprint("consents", __name__)

ALLOW, DENY = "allow", "deny"
# What a scope means to a parent: what leaves, and what for. The order is the page's.
ABOUT_PERSON = {
    PROFILE: (lazy_gettext("Vos nom et prénom"), lazy_gettext("pour savoir à qui le service s’adresse")),
    EMAIL: (lazy_gettext("Votre adresse de courriel"), lazy_gettext("pour vous écrire")),
    PHONE: (lazy_gettext("Votre numéro de téléphone"), lazy_gettext("pour vous joindre")),
    "address": (lazy_gettext("Votre adresse postale"), lazy_gettext("pour vous envoyer un courrier")),
    OPENID: (
        lazy_gettext("Un numéro propre à ce service"),
        lazy_gettext(
            "pour vous reconnaître à votre retour\N{NO-BREAK SPACE}; il ne sert nulle part ailleurs"
        ),
    ),
    "offline_access": (
        lazy_gettext("Un accès qui dure"),
        lazy_gettext("pour mettre ces informations à jour quand vous n’êtes pas connecté"),
    ),
}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a service is told, in the reader's words: pairs (what, why) about the person, (who, what) about children."""

    about_person: Sequence[tuple[str, str]]
    about_children: Sequence[tuple[str, str]]
    tells_children: bool

    @property
    def shortly(self) -> str:
        """What leaves about the person, in one line."""
        whole = ", ".join(what[:1].lower() + what[1:] for what, _ in self.about_person)
        return whole[:1].upper() + whole[1:]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A carried request of a person who is there and may answer it."""

    asked: AuthorizationRequest
    carried: CarriedRequest
    presence: Presence
    account_id: AccountId


def disclosure(scopes: Iterable[str], children: Sequence[GuardianChild]) -> Disclosure:
    """What these scopes tell of a person with these children."""
    scopes = frozenset(scopes)
    tells_children = SCOPE_CHILDREN in scopes
    return Disclosure(
        about_person=[
            (str(what), str(why)) for scope, (what, why) in ABOUT_PERSON.items() if scope in scopes
        ],
        about_children=[(child.given_name, _told_of_a_child(scopes)) for child in children if tells_children],
        tells_children=tells_children,
    )


@blueprint.get("/autorisation")
def form() -> BaseResponse | str:
    """What the waiting service will know; who agreed already passes on."""
    waiting = waiting_request()
    if not isinstance(waiting, Waiting):
        return waiting
    if current_provider().has_agreed(waiting.asked, waiting.presence):
        return redirect(url_for("oidc.resume", demande=request.args["demande"]), 303)
    allow_redirect_to(waiting.carried)
    client = waiting.asked.client
    if client.logo_uri:
        allow(img_src=[client.logo_uri])
    return render_template(
        "oidc/consent.html",
        client=client,
        address=origin_of(waiting.asked.redirect_uri),
        told=disclosure(waiting.asked.consent_scopes, families.children_of(waiting.account_id)),
        demande=request.args["demande"],
    )


@blueprint.post("/autorisation")
def decide() -> BaseResponse:
    """The person's answer: kept and passed on to the service, or `access_denied` (RFC 6749 4.1.2.1)."""
    waiting = waiting_request()
    if not isinstance(waiting, Waiting):
        return waiting
    decision = request.form.getlist("decision")
    if decision == [DENY]:
        return refuse(ConsentRefused(), waiting.asked)
    if decision != [ALLOW]:
        abort(400)
    consents.agree(
        waiting.account_id, waiting.asked.client.client_id, waiting.asked.consent_scopes, now=request_now()
    )
    return redirect(url_for("oidc.resume", demande=request.args["demande"]), 303)


@blueprint.get("/compte/services")
@active_account_required
def services() -> Answer:
    """The services with access: what each receives, since when, last used."""
    account_id = present_account()
    children = families.children_of(account_id)
    withdrawn = request.args.get("retire", type=UUID)
    return render_template(
        "oidc/services.html",
        services=[(one, disclosure(one.scopes, children)) for one in consents.services_of(account_id)],
        withdrawn=consents.withdrawn_service(account_id, withdrawn) if withdrawn else None,
    )


@blueprint.post("/compte/services/<uuid:consent_id>/retirer")
@page_of_form("consents.services")
@active_account_required
def withdraw(consent_id: UUID) -> Answer:
    """Take a service's access back, and end its tokens."""
    consents.withdraw(present_account(), consent_id, now=request_now())
    return redirect(url_for(".services", retire=consent_id), 303)


def waiting_request() -> Waiting | BaseResponse:
    """The request in this page's address, judged again; or where the person must go first."""
    asked = None
    try:
        carried = unseal_demande()
        asked = current_provider().read_authorization_request(carried.parameters.items())
        current_provider().check_authorization_request(asked)
        presence = presence_on_return(asked, carried)
        current_provider().check_presence(asked, presence)
    except DemandeExpired as expired:
        return start_again(expired.carried)
    except LoginRequired:
        return to_sign_in(request.args["demande"])
    except (OAuthRefusal, DemandeMalformed) as refusal:
        return refuse(refusal, asked)
    return Waiting(asked, carried, presence, present_account())


def present_account() -> AccountId:
    """Whose session this is; a guard or a check let it in."""
    session = full_session()
    assert session is not None  # noqa: S101
    return session.account_id


def _told_of_a_child(scopes: frozenset[str]) -> str:
    parts = [gettext("nom"), gettext("niveau"), gettext("école"), gettext("votre lien avec l’enfant")]
    if SCOPE_CHILDREN_BIRTHDATE in scopes:
        parts.append(gettext("date de naissance"))
    if SCOPE_CHILDREN_INE in scopes:
        parts.append(gettext("numéro national d’élève (INE)"))
    return ", ".join(parts)
