"""What tests do with pages: read their forms, fill them in, send them."""

from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse


def form_values(page: str, *, action: str | None = None) -> dict[str, str]:
    """The fields of the page's form (the one posting to `action`, or the first), with their values."""
    forms = html.fromstring(page).forms
    for form in forms:
        if action is None or form.get("action", "").split("?")[0].endswith(action):
            return {name: value or "" for name, value in form.form_values()}
    raise AssertionError(f"no form posting to {action!r}")


def submit(
    client: FlaskClient,
    address: str,
    values: Mapping[str, Any],
    *,
    to: str | None = None,
    action: str | None = None,
) -> TestResponse:
    """Open `address`, fill its form in with `values`, and send it (to `to`, by default the same address)."""
    page = client.get(address)
    assert page.status_code == 200, page.status_code
    return client.post(to or address, data=form_values(page.text, action=action) | dict(values))
