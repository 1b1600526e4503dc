"""What an event means to the person whose account it happened to: the words of the journal.

An event whose name is not here is not shown: it tells its person nothing, or is not theirs to read.
"""

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from flask_babel import lazy_gettext as _

Details = Mapping[str, Any]
Sentence = Any
"""A lazy translation."""

SESSION_ENDS: dict[Any, Sentence] = {
    "signed_out": _("Vous vous êtes déconnecté."),
    "password_chosen": _("Vos autres appareils ont été déconnectés, car le mot de passe a changé."),
    "letter_reissued": _("Vos appareils ont été déconnectés, car l’école a émis un nouveau courrier."),
    "account_disabled": _("Vos appareils ont été déconnectés, car le compte a été désactivé."),
    "address_changed": _("Vos autres appareils ont été déconnectés, car l’adresse a changé."),
    "ended_by_person": _(
        "Des appareils ont été déconnectés depuis «\N{NO-BREAK SPACE}Appareils connectés\N{NO-BREAK SPACE}»."
    ),
    "account_closed": _("Vos appareils ont été déconnectés, car le compte a été fermé."),
    "replaced": _("Une connexion plus ancienne a été remplacée."),
}
ANY_SESSION_END = _("Des appareils ont été déconnectés.")
PASSWORDS_CHOSEN: dict[Any, Sentence] = {
    "activation": _("Vous avez choisi votre mot de passe en activant votre compte."),
    "change": _("Le mot de passe a été changé depuis «\N{NO-BREAK SPACE}Mon compte\N{NO-BREAK SPACE}»."),
    "recovery": _(
        "Le mot de passe a été remplacé avec «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}»."
    ),
}
ANY_PASSWORD = _("Le mot de passe a changé.")
CHANGED_CHANNELS: dict[Any, Sentence] = {
    ("email", False): _("L’adresse de courriel a changé."),
    ("email", True): _("L’adresse de courriel a été retirée."),
    ("phone", False): _("Le portable a changé."),
    ("phone", True): _("Le portable a été retiré."),
}
ANY_CHANNEL = _("Une adresse ou un numéro a changé.")
RESTORED_CHANNELS: dict[Any, Sentence] = {
    "email": _("L’adresse de courriel d’avant a été rétablie."),
    "phone": _("Le portable d’avant a été rétabli."),
}
FROZEN_LINKS: dict[Any, Sentence] = {
    "guardian": _("Vous avez signalé un enfant\N{NO-BREAK SPACE}: l’accès à son dossier est suspendu."),
    "school_head": _("L’école a suspendu l’accès au dossier d’un enfant."),
}
ANY_FROZEN_LINK = _("L’accès au dossier d’un enfant est suspendu.")

SENTENCES: dict[str, Sentence | Callable[[Details], Sentence]] = {
    "account:account:closed": _("Vous avez fermé votre compte."),
    "account:address:asked": _("Une nouvelle adresse de courriel a été demandée."),
    "account:address:cancelled": _("Le changement d’adresse a été annulé."),
    "account:address:message_sent_again": _("Le message de confirmation de l’adresse a été renvoyé."),
    "account:channel:changed": lambda told: CHANGED_CHANNELS.get(
        (told.get("channel"), bool(told.get("is_removal"))), ANY_CHANNEL
    ),
    "account:channel:restored": lambda told: RESTORED_CHANNELS.get(told.get("channel"), ANY_CHANNEL),
    "account:language:chosen": _("La langue des pages et des messages a changé."),
    "account:not_me:frozen": _(
        "Le compte a été protégé avec «\N{NO-BREAK SPACE}Ce n’est pas moi\N{NO-BREAK SPACE}»."
    ),
    "account:not_me:refused": _("Une protection du compte a été demandée avec une mauvaise réponse."),
    "account:password:chosen": lambda told: PASSWORDS_CHOSEN.get(told.get("reason"), ANY_PASSWORD),
    "account:phone:asked": _("Un code a été envoyé à un nouveau portable."),
    "account:provisional_password:issued": _("L’école a émis un courrier avec un mot de passe provisoire."),
    "account:sessions:ended": lambda told: SESSION_ENDS.get(told.get("reason"), ANY_SESSION_END),
    "account:sign_in:refused": _("Une connexion a été refusée."),
    "account:sign_in:succeeded": _("Connexion réussie."),
    "activation:account:activated": _("Votre compte a été activé."),
    "activation:address:corrected": _("L’adresse donnée à l’activation a été corrigée."),
    "activation:birth_date:refused": _("Une date de naissance saisie n’était pas celle de l’école."),
    "activation:form:accepted": _("Le formulaire d’activation a été rempli."),
    "activation:message:sent_again": _("Le message d’activation a été renvoyé."),
    "attachment:account:attached": _("Un autre de vos comptes a été rattaché à celui-ci."),
    "attachment:account:given_back": _("Le rattachement d’un compte a été annulé."),
    "attachment:account:refused": _("Un rattachement a été demandé, et refusé."),
    "attachment:account:revived": _("Ce compte, qui avait été rattaché à un autre, est de nouveau à part."),
    "attachment:account:taken_over": _("Ce compte a été rattaché à un autre de vos comptes."),
    "family:link:detached": _("L’école a mis fin à l’accès au dossier d’un enfant."),
    "family:link:frozen": lambda told: FROZEN_LINKS.get(told.get("by"), ANY_FROZEN_LINK),
    "family:account:unlinked": _("Votre compte a été désactivé : il n’avait plus d’enfant depuis un an."),
    "family:account:linked_again": _("Votre compte a été rétabli : un enfant y est de nouveau rattaché."),
    "family:birth_date:corrected": _("L’école a corrigé la date de naissance d’un enfant."),
    "family:link:restored": _("L’école a rétabli l’accès au dossier d’un enfant."),
    "letters:account:printed": _("L’école a imprimé votre courrier."),
    "oidc:consent:given": _("Vous avez donné à un service l’accès à vos informations."),
    "oidc:consent:withdrawn": _("Vous avez retiré à un service l’accès à vos informations."),
    "oidc:session:ended": _("Un service a demandé votre déconnexion."),
    "phone_activation:account:activated": _("Votre compte a été activé par SMS."),
    "phone_activation:birth_date:refused": _("Une date de naissance saisie n’était pas celle de l’école."),
    "recovery:code:accepted": _(
        "Le code de «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}» a été saisi."
    ),
    "recovery:code:refused": _(
        "Un mauvais code a été saisi dans «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}»."
    ),
    "recovery:identifiers:asked": _(
        "Votre identifiant a été demandé avec «\N{NO-BREAK SPACE}Identifiant perdu\N{NO-BREAK SPACE}»."
    ),
    "recovery:password:asked": _(
        "Un code a été demandé avec «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}»."
    ),
}


def sentence_of(name: str, details: Details) -> str:
    """One event in the reader's words. name: one of SENTENCES."""
    sentence = SENTENCES[name]
    # A lazy translation is callable by nobody; a function chooses among several.
    return str(sentence(details) if isinstance(sentence, FunctionType) else sentence)
