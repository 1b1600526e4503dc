"""`idp keys`."""

import json

from flask import Flask

from idp.signing_keys.cli import keys


def run(app: Flask, *arguments: str):
    return app.test_cli_runner().invoke(keys, arguments)


def test_status_creates_the_first_key_and_lists_it(idp_app: Flask):
    result = run(idp_app, "status", "--format", "json")

    listed = json.loads(result.stdout)["keys"]
    assert [key["state"] for key in listed] == ["active"]
    assert run(idp_app, "status").stdout.splitlines()[1].startswith(listed[0]["key"])


def test_a_rotation_prints_its_plan_and_acts_only_when_told(idp_app: Flask):
    run(idp_app, "status")

    planned = run(idp_app, "rotate")
    assert "create" in planned.stdout
    assert "Nothing done. Add --apply to act." in planned.stderr
    assert len(json.loads(run(idp_app, "status", "--format", "json").stdout)["keys"]) == 1

    applied = run(idp_app, "rotate", "--apply")
    assert "1 of 1 moves made." in applied.stderr
    states = {key["state"] for key in json.loads(run(idp_app, "status", "--format", "json").stdout)["keys"]}
    assert states == {"active", "upcoming"}


def test_a_new_key_is_published_as_soon_as_the_rotation_is_applied(idp_app: Flask, idp_client):
    """oidc I6: new name, new material, the old one still there."""
    before = {key["kid"]: key["n"] for key in idp_client.get("/oauth/jwks").json["keys"]}

    run(idp_app, "rotate", "--apply")

    after = {key["kid"]: key["n"] for key in idp_client.get("/oauth/jwks").json["keys"]}
    assert before.items() < after.items()
    assert len(set(after.values())) == 2


def test_no_private_part_is_ever_printed(idp_app: Flask):
    printed = "".join(
        run(idp_app, *arguments).output
        for arguments in (["status"], ["rotate", "--apply"], ["status", "--format", "json"])
    )

    assert "PRIVATE" not in printed
    assert '"d"' not in printed
