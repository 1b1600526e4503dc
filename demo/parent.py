"""A parent who activates an account and gives a number through the pages: the demo's active account is a real one."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from demo.catcher import Mailbox
from demo.settings import DemoRefused

MAIL_SECONDS = 30
POLL_SECONDS = 0.05
SMS_CODE = re.compile(r"(?<=#)[0-9]{6}$", re.MULTILINE)


@dataclass(slots=True)
class Form:
    """A form of a page: where it posts, the fields with their values, the named buttons with theirs."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a form, or a named input or button of the form it stands in."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(attributes.get("action", "")))
        elif tag == "input" and self.forms and "name" in attributes:
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button" and self.forms and "name" in attributes:
            self.forms[-1].buttons.append((attributes["name"], attributes.get("value", "")))


class Parent:
    """One browser without scripts, at the provider."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self.browser = requests.Session()
        self._page: requests.Response | None = None

    @property
    def page(self) -> requests.Response:
        """The page shown. Raises DemoRefused before the first."""
        if self._page is None:
            raise DemoRefused("no page is open")
        return self._page

    def open(self, url: str) -> None:
        """Read a page."""
        self._page = self.browser.get(urljoin(self._issuer, url), timeout=10)

    def fill(self, **typed: str) -> None:
        """Fill in the form of this page that has these fields, and send it. Raises DemoRefused when refused."""
        form = next((one for one in self._forms() if typed.keys() <= one.fields.keys()), None)
        if form is None:
            raise DemoRefused(f"{self.page.url}: no form asks for {', '.join(typed)}")
        self._send(form, typed)

    def decide(self, **button: str) -> None:
        """Press the button of this name and value. Raises DemoRefused when there is none, or when refused."""
        form = next((one for one in self._forms() if button.items() <= set(one.buttons)), None)
        if form is None:
            raise DemoRefused(f"{self.page.url}: no such button as {button}")
        self._send(form, button)

    def _forms(self) -> list[Form]:
        reader = FormReader()
        reader.feed(self.page.text)
        return reader.forms

    def _send(self, form: Form, more: dict[str, str]) -> None:
        sent = form.fields | more
        self._page = self.browser.post(urljoin(self.page.url, form.action), data=sent, timeout=30)
        if not self._page.ok:
            raise DemoRefused(f"{self._page.url} answered {self._page.status_code} to {', '.join(more)}")


def activate(
    issuer: str, mailbox: Mailbox, *, identifier: str, provisional_password: str, email: str, birth_date: str
) -> str:
    """Activate an account from its letter, its mail and its child's birth date (ISO); returns the chosen password."""
    password = new_password()
    parent = Parent(issuer)
    parent.open("/connexion")
    parent.fill(identifier=identifier, password=provisional_password)
    year, month, day = birth_date.split("-")
    parent.fill(
        email=email,
        email_confirmation=email,
        new_password=password,
        new_password_confirmation=password,
        birth_day=day,
        birth_month=month,
        birth_year=year,
    )
    # Another browser opens the mail: nothing but what it says is needed.
    reader = Parent(issuer)
    reader.open(_mailed_url(mailbox, email, issuer))
    reader.fill(identifier=identifier, password=password)
    return password


def give_phone(issuer: str, mailbox: Mailbox, *, identifier: str, password: str, phone: str) -> None:
    """Give an active account a number (E.164), by the code that its SMS brings."""
    parent = Parent(issuer)
    parent.open("/connexion")
    parent.fill(identifier=identifier, password=password)
    parent.open("/compte/telephone")
    parent.fill(phone=phone)
    parent.fill(one_time_code=_awaited(mailbox, phone, SMS_CODE))


def new_password() -> str:
    """A password that the policy takes."""
    return f"Tilleul{secrets.randbelow(900000) + 100000}"


def _mailed_url(mailbox: Mailbox, to: str, issuer: str) -> str:
    return _awaited(mailbox, to, re.compile(re.escape(f"{issuer}/activation/adresse?code=") + r"\S+"))


def _awaited(
    mailbox: Mailbox, to: str, pattern: re.Pattern[str], *, clock: Callable[[], float] = time.monotonic
) -> str:
    """What the first message to this address that holds the pattern says."""
    deadline = clock() + MAIL_SECONDS
    while clock() < deadline:
        for message in mailbox.messages():
            if message.to == to and (found := pattern.search(message.text)):
                return found.group()
        time.sleep(POLL_SECONDS)
    raise DemoRefused(f"no message of that kind reached {to} within {MAIL_SECONDS} s")
