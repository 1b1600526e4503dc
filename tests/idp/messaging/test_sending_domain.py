"""MH-05: what the DNS says of the domain that mails come from, asked of a real name server on loopback."""

import pytest

from idp.messaging.sending_domain import CouldNotLook, dkim_problem, dmarc_problem, spf_problem
from tests.name_server import name_server

DOMAIN = "compte.ecole.example"
KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0B" * 20


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["v=spf1 ip4:192.0.2.25 -all"], None),
        (["another record", "v=spf1 include:mail.example ~all"], None),
        (["v=spf1 redirect=mail.example"], None),
        (["V=SPF1 MX -ALL"], None),
        (["v=spf1 ip4:192.0.2.25 ?all"], "lets every server send: end it with -all"),
        (["v=spf1 +all"], "lets every server send: end it with -all"),
        (["v=spf1 mx"], "lets every server send: end it with -all"),
        (["v=spf1 -all", "v=spf1 mx -all"], "several records"),
        (["v=spf10 -all"], "no record"),
        (None, "no record"),
    ],
)
def test_mh_05_spf_lists_the_servers_and_refuses_the_others(texts: list[str] | None, problem: str | None):
    with name_server({DOMAIN: texts} if texts else {}):
        assert spf_problem(DOMAIN) == problem


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([KEY], None),
        (["v=DKIM1; p="], "the key under k1._domainkey is withdrawn"),
        (["something else"], "no key under k1._domainkey"),
        (None, "no key under k1._domainkey"),
    ],
)
def test_mh_05_the_key_of_the_signatures_is_published(texts: list[str] | None, problem: str | None):
    with name_server({f"k1._domainkey.{DOMAIN}": texts} if texts else {}):
        assert dkim_problem(DOMAIN, "k1") == problem


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ({f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject; adkim=s"]}, None),
        ({"_dmarc.ecole.example": ["v=DMARC1;p=reject"]}, None),
        ({"_dmarc.ecole.example": ["v=DMARC1; p=none; sp=reject"]}, None),
        (
            {"_dmarc.ecole.example": ["v=DMARC1; p=reject; sp=none"]},
            "p=none: what is not signed by you is let through",
        ),
        (
            {f"_dmarc.{DOMAIN}": ["v=DMARC1; p=none"], "_dmarc.ecole.example": ["v=DMARC1; p=reject"]},
            "p=none: what is not signed by you is let through",
        ),
        ({f"_dmarc.{DOMAIN}": ["p=reject"]}, "no record"),
        ({"_dmarc.example": ["v=DMARC1; p=reject"]}, "no record"),
        ({}, "no record"),
    ],
)
def test_mh_05_what_is_not_ours_is_refused(zone: dict[str, list[str]], problem: str | None):
    with name_server(zone):
        assert dmarc_problem(DOMAIN) == problem


@pytest.mark.parametrize("look", [spf_problem, dmarc_problem])
def test_a_name_server_that_is_silent_is_not_a_domain_without_records(look):
    with name_server({}, is_silent=True), pytest.raises(CouldNotLook, match="LifetimeTimeout"):
        look(DOMAIN, seconds=0.05)
