"""A single-page service: oidc-client-ts in Chromium, on an origin of its own."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from demo.processes import free_port
from shared.claims import read_children
from tests.interop.services import NODE_PACKAGES, SNIPPETS, need, register, running
from tests.running_demo import Demo

# What a bundler does: where the packages named by `import` are.
PAGE = """<!doctype html>
<html lang="fr"><meta charset="utf-8"><title>Service</title>
<script type="importmap">{"imports": {
  "oidc-client-ts": "./node_modules/oidc-client-ts/dist/esm/oidc-client-ts.js",
  "jwt-decode": "./node_modules/jwt-decode/build/esm/index.js"
}}</script>
<script type="module" src="oidc_client_ts.mjs"></script>
<p id="person"></p><button id="sign-in">Se connecter</button><button id="sign-out">Se déconnecter</button>
</html>
"""


def test_a_family_signs_in_reads_and_signs_out(demo: Demo, page: Page, service_url: str):
    guardian = next(one for one in demo.told["guardians"] if one["password"])
    page.goto(service_url)
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_label("Identifiant", exact=True).fill(guardian["identifier"])
    page.get_by_label("Mot de passe", exact=True).fill(guardian["password"])
    page.get_by_role("button", name="Se connecter").click()
    agree = page.get_by_role("button", name="Autoriser")
    signed_in = page.locator("body[data-ready=signed-in]")
    expect(agree.or_(signed_in)).to_be_visible()
    if agree.is_visible():
        agree.click()
    expect(signed_in).to_be_visible()
    profile = json.loads(page.locator("#person").inner_text())

    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.locator("body[data-ready=signed-out]")).to_be_visible()
    page.get_by_role("button", name="Se connecter").click()

    assert profile["email"] == guardian["email"]
    assert [child.given_name for child in read_children(profile)] == [
        child["given_name"] for child in guardian["children"]
    ]
    expect(page).to_have_url(re.compile(rf"^{demo.issuer}/connexion"))


@pytest.fixture
def service_url(demo: Demo, tmp_path: Path) -> Iterator[str]:
    need(NODE_PACKAGES / "oidc-client-ts", "npm's package oidc-client-ts")
    port = free_port()
    url = f"http://localhost:{port}"
    client_id = register(demo, url, "/", "--token-endpoint-auth-method", "none")["client_id"]
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text(PAGE)
    (pages / "settings.json").write_text(json.dumps({"issuer": demo.issuer, "client_id": client_id}))
    (pages / "node_modules").symlink_to(NODE_PACKAGES)
    shutil.copy(SNIPPETS / "oidc_client_ts.mjs", pages)
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(pages),
    ]
    with running(tmp_path, command, {}, f"{url}/"):
        yield url


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    context = chromium.new_context(locale="fr-FR")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
