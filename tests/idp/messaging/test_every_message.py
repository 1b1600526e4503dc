"""What holds for each message there is: every template, with the worst that its variables may hold, in each language."""

import ast
import re
from email import message_from_bytes, policy
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from jinja2 import meta

import idp
from idp.messaging import mail, sms
from idp.messaging.mail import Envelope
from idp.messaging.rules import SMS_SEPTETS, ForeignUrl, Message, RenderedMail, septets
from idp.notices.messages import WORDS
from tests.conftest import MORNING
from tests.idp.messaging.test_sms import NUMBER

FOLDER = Path(idp.__file__).parent
TEMPLATES = sorted(
    str(path.relative_to(FOLDER / "templates").with_suffix(""))
    for path in (FOLDER / "templates").rglob("*.txt")
    if not path.name.startswith("_") and path.name != "base.txt"
)
# A mail has a frame, an SMS stands alone.
SMS_TEMPLATES = [
    name for name in TEMPLATES if "{% extends" not in (FOLDER / "templates" / f"{name}.txt").read_text()
]
MAIL_TEMPLATES = [name for name in TEMPLATES if name not in SMS_TEMPLATES]
LOCALES = ("fr", "en")
ISSUER = "https://compte.example"
URL = f"{ISSUER}/une-page?code=the-secret"
HOSTILE = (
    "<b>O'Hénoret</b>\r\nBcc: victime@exemple.fr\n\nhttps://piege.example/x https://compte.example/piege"
)
GIVEN = {"service_name", "help_url"}
NUMBERS = {"hours", "count", "minutes", "days"}
LARGEST = 15_000
FIRST_LINES = 10


def variables_of(app: Flask, template: str) -> set[str]:
    """What a template and its frames name."""
    environment = app.jinja_env
    names: set[str] = set()
    waiting = [f"{template}.txt"]
    while waiting:
        source = environment.loader.get_source(environment, waiting.pop())[0]
        tree = environment.parse(source)
        names |= meta.find_undeclared_variables(tree)
        waiting += [name for name in meta.find_referenced_templates(tree) if name]
    return names - GIVEN - set(environment.globals)


def worst(app: Flask, template: str) -> dict[str, str | int]:
    return {name: worst_value(name) for name in variables_of(app, template)}


def worst_value(name: str) -> str | int:
    if name == "url" or name.endswith("_url"):
        return URL
    if name == "one_time_code":
        return "482913"
    return 24 if name in NUMBERS else HOSTILE


def rendered(app: Flask, template: str, locale: str = "fr", **changed: str) -> RenderedMail:
    message = Message.mail(
        to="celine@exemple.fr",
        subject="votre compte",
        template=template,
        variables=worst(app, template) | changed,
        locale=locale,
    )
    # Rendered while a request is answered that names another host.
    with app.test_request_context("/", base_url="https://piege.example"):
        return mail.render(message)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_em_14_every_link_of_every_mail_is_our_own(idp_app, template, locale):
    words = rendered(idp_app, template, locale)

    links = re.findall(r'(?:href|src|action|background)="([^"]*)"', words.html)
    assert links, "each mail leads to help at least"
    assert all(link.startswith(f"{ISSUER}/") for link in links)
    assert "//piege.example" not in words.html.replace("https://piege.example/x", "")


@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_em_14_a_foreign_address_stops_the_mail(idp_app, template):
    named = [name for name in variables_of(idp_app, template) if name == "url" or name.endswith("_url")]

    for name in named:
        with pytest.raises(ForeignUrl):
            rendered(idp_app, template, **{name: "https://compte.example.piege.example/x"})


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_em_16_typed_html_and_addresses_are_words_in_every_mail(idp_app, template, locale):
    words = rendered(idp_app, template, locale)

    assert "<b>" not in words.html
    assert "piege" not in "".join(re.findall(r"<a [^>]*>[^<]*</a>", words.html))
    lines = {line.strip() for line in words.text.splitlines()}
    assert not any(line.startswith(("https://piege", "Bcc:")) for line in lines)


@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_mh_01_nothing_typed_becomes_a_header(idp_app, template):
    words = rendered(idp_app, template)

    with idp_app.app_context():
        written = mail._mime(words, Envelope(UUID(int=7), MORNING)).as_bytes()
    received = message_from_bytes(written, policy=policy.default)

    assert received.get_all("To") == ["celine@exemple.fr"]
    assert [received[name] for name in ("Bcc", "Cc", "Reply-To")] == [None, None, None]
    assert received["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_every_mail_is_light_and_says_the_same_twice(idp_app, template):
    words = rendered(idp_app, template)

    assert len(words.html.encode()) + len(words.text.encode()) < LARGEST
    assert not re.search(r"<(img|script|link|style|iframe|form)\b", words.html)
    assert "mot de passe par message" in words.text


@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_what_a_mail_is_for_stands_on_a_line_of_its_own_near_the_top(idp_app, template):
    lines = rendered(idp_app, template).text.splitlines()[:FIRST_LINES]
    if variables_of(idp_app, template) & {"url", "not_me_url"}:
        assert URL in lines


def test_mh_06_subjects_are_written_once_and_name_nobody():
    subjects = [words.subject for words in WORDS.values()]
    for source in FOLDER.rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Message.mail":
                [subject] = [keyword.value for keyword in call.keywords if keyword.arg == "subject"]
                # A subject is a constant, or the one of a table of constants: nothing typed, no name, no mark.
                assert isinstance(subject, ast.Constant) or ast.unparse(subject) == "words.subject", source
                subjects += [str(subject.value)] if isinstance(subject, ast.Constant) else []

    assert len(subjects) >= 10
    assert not [
        subject for subject in subjects if "{" in subject or "%" in subject or not subject.isprintable()
    ]


@pytest.mark.parametrize("template", MAIL_TEMPLATES)
def test_mh_06_the_preview_of_a_mail_names_no_child(idp_app, template):
    named = variables_of(idp_app, template)

    assert not named & {"child", "children", "child_name", "given_name", "class_label", "level", "birth_date"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", SMS_TEMPLATES)
def test_sm_05_every_sms_is_one_sms_without_identifier_or_name(sms_on, template, locale):
    named = variables_of(sms_on, template)
    values = {name: worst_value(name) for name in named if name != "identifiers"}
    if "identifiers" in named:
        values["identifiers"] = "c.dupont, c.dupont2"
    with sms_on.app_context():
        words = sms.render(Message.sms(to=NUMBER, template=template, variables=values, locale=locale))

    assert septets(words.text) <= SMS_SEPTETS
    assert not named & {"identifier", "given_name", "family_name", "child_name", "school_name"}
    assert "http" not in words.text
    if "one_time_code" in named:
        assert words.text.splitlines()[-1] == "@compte.example #482913"


@pytest.fixture
def sms_on(idp_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    settings = idp_app.extensions["settings"].model_copy(update={"twilio_account_sid": "AC" + "0" * 32})
    monkeypatch.setitem(idp_app.extensions, "settings", settings)
    return idp_app
