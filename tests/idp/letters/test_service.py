import re
import stat
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import page
import pytest
import segno
from pypdf import PdfReader
from sqlalchemy import select

from idp.accounts.models import Account
from idp.accounts.rules import AccountState
from idp.audit.models import AuditEntry
from idp.db import db, transaction
from idp.families import service as families
from idp.letters import service
from idp.letters.rules import (
    LetterKind,
    NobodyToPrint,
    PrintPlan,
    SchoolChangedMeanwhile,
    SchoolUnknown,
    Selection,
    SkipReason,
)
from idp.passwords import service as passwords
from shared.documents import compile_pdf
from tests.conftest import FrozenClock
from tests.factories import LETTER_LIFE
from tests.idp.letters.conftest import UAI, AddChild, AddGuardian, issued, state_of

ALL = Selection(UAI)
PASSWORD = re.compile(r"\b[A-Z2-9]{4} [A-Z2-9]{4}\b")


def test_printing_issues_a_password_that_can_be_read_back_from_the_page(
    add_guardian: AddGuardian, destination: Path, now: datetime
):
    account_id = add_guardian()

    service.print_letters(ALL, destination, now=now)

    letter = issued(account_id)
    assert letter is not None
    assert state_of(account_id) is AccountState.NOTIFIED
    assert (letter.expires_at - now).days == 90
    text = text_of(destination)
    assert "c.dherbomez" in text
    assert PASSWORD.search(text).group().replace(" ", "") == letter.provisional_password


def test_printing_again_gives_the_same_password_and_the_same_end(
    add_guardian: AddGuardian, destination: Path, clock: FrozenClock
):
    account_id = add_guardian()
    service.print_letters(ALL, destination, now=clock.now)
    first = issued(account_id)

    plan = service.print_letters(ALL, destination, now=clock.advance(days=30))

    assert issued(account_id) == first
    assert kinds(plan) == [LetterKind.REPRINTED]
    assert f"{first.provisional_password[:4]} {first.provisional_password[4:]}" in text_of(destination)


def test_the_same_letters_are_the_same_bytes(add_guardian: AddGuardian, destination: Path, now: datetime):
    add_guardian()
    service.print_letters(ALL, destination, now=now)
    first = destination.read_bytes()

    service.print_letters(ALL, destination, now=now)

    assert destination.read_bytes() == first


def test_an_active_account_is_printed_without_a_password(
    add_guardian: AddGuardian, destination: Path, now: datetime
):
    account_id = add_guardian(state=AccountState.ACTIVE, password_hash="a hash")

    service.print_letters(ALL, destination, now=now)

    text = text_of(destination)
    assert "Votre mot de passe est inchangé" in text
    assert not PASSWORD.search(text)
    assert (issued(account_id), state_of(account_id)) == (None, AccountState.ACTIVE)


def test_an_expired_letter_is_reported_and_nothing_is_written(
    add_guardian: AddGuardian, destination: Path, clock: FrozenClock
):
    add_guardian()
    service.print_letters(ALL, destination, now=clock.now)
    destination.unlink()

    plan = service.print_letters(ALL, destination, now=clock.advance(seconds=LETTER_LIFE.total_seconds()))

    assert [one.reason for one in plan.skipped] == [SkipReason.EXPIRED]
    assert not destination.exists()


def test_reissuing_kills_the_older_letter(add_guardian: AddGuardian, destination: Path, clock: FrozenClock):
    account_id = add_guardian()
    service.print_letters(ALL, destination, now=clock.now)
    older = issued(account_id)

    service.reissue_letters(ALL, destination, now=clock.advance(days=1))

    newer = issued(account_id)
    assert newer is not None
    assert older is not None
    assert (newer.issue_number, newer.issued_at) == (2, clock.now)
    state = passwords.provisional_state(account_id)
    assert not passwords.verify_provisional(state, older.provisional_password)
    assert passwords.verify_provisional(state, newer.provisional_password)
    assert PASSWORD.search(text_of(destination)).group().replace(" ", "") == newer.provisional_password


def test_a_letter_issued_anew_to_an_active_account_says_what_it_changes(
    add_guardian: AddGuardian, destination: Path, clock: FrozenClock
):
    account_id = add_guardian()
    service.print_letters(ALL, destination, now=clock.now)
    with transaction() as session:
        account = session.get_one(Account, account_id)
        account.state, account.password_hash = AccountState.ACTIVE, "a hash"
    named = Selection(UAI, identifiers=frozenset({"c.dherbomez"}))

    plan = service.reissue_letters(named, destination, now=clock.advance(days=1))

    text = squeezed(text_of(destination))
    assert kinds(plan) == [LetterKind.RENEWED]
    for said in (
        "Votre nouveau mot de passe",
        "1. Ce courrier",
        "3. Informations",
        "Le mot de passe que vous aviez choisi ne sert plus.",
        "Ce courrier remplace le précédent",
    ):
        assert squeezed(said) in text
    for unsaid in ("4. Messagerie", "adresse de courriel que vous pouvez consulter", "est inchangé"):
        assert squeezed(unsaid) not in text
    service.print_letters(ALL, destination, now=clock.advance(days=1))
    assert squeezed(text_of(destination)).count(issued(account_id).provisional_password) == 1


def test_the_file_is_readable_by_its_owner_alone(add_guardian: AddGuardian, destination: Path, now: datetime):
    add_guardian()

    service.print_letters(ALL, destination, now=now)

    assert stat.S_IMODE(destination.stat().st_mode) == 0o600
    assert list(destination.parent.iterdir()) == [destination]


def test_a_folder_that_cannot_be_written_issues_nothing(
    add_guardian: AddGuardian, tmp_path: Path, now: datetime
):
    account_id = add_guardian()

    with pytest.raises(OSError, match="absent"):
        service.print_letters(ALL, tmp_path / "absent" / "letters.pdf", now=now)

    assert (issued(account_id), state_of(account_id)) == (None, AccountState.CREATED)


def test_a_page_that_cannot_be_made_issues_nothing(
    add_guardian: AddGuardian,
    destination: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    account_id = add_guardian()
    broken = tmp_path / "broken.typ"
    broken.write_text("#panic()")
    monkeypatch.setattr(service, "TEMPLATE", broken)

    with pytest.raises(RuntimeError, match="panicked"):
        service.print_letters(ALL, destination, now=now)

    assert (issued(account_id), state_of(account_id), destination.exists()) == (
        None,
        AccountState.CREATED,
        False,
    )


def test_no_transaction_is_open_while_the_pages_are_made(
    add_guardian: AddGuardian, destination: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    account_id = add_guardian()

    def compile_while_another_writes(*arguments, **options):
        with transaction():  # a nested one raises
            pass
        assert not db.session().in_transaction()
        return compile_pdf(*arguments, **options)

    monkeypatch.setattr(service, "compile_pdf", compile_while_another_writes)

    service.print_letters(ALL, destination, now=now)

    assert state_of(account_id) is AccountState.NOTIFIED


def test_pages_that_became_untrue_while_they_were_made_are_made_again(
    add_guardian: AddGuardian, destination: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    account_id = add_guardian()
    calls: list[int] = []

    def compile_while_another_reissues(*arguments, **options):
        if not calls:
            with transaction():
                passwords.reissue_provisional_password(account_id, now=now)
                passwords.reissue_provisional_password(account_id, now=now)
        calls.append(1)
        return compile_pdf(*arguments, **options)

    monkeypatch.setattr(service, "compile_pdf", compile_while_another_reissues)

    plan = service.print_letters(ALL, destination, now=now)

    letter = issued(account_id)
    assert letter is not None
    assert (len(calls), letter.issue_number, kinds(plan)) == (2, 2, [LetterKind.REPRINTED])
    assert PASSWORD.search(text_of(destination)).group().replace(" ", "") == letter.provisional_password


def test_a_school_that_never_rests_is_refused_and_nothing_is_written(
    add_guardian: AddGuardian, destination: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    account_id = add_guardian()

    def compile_while_another_reissues(*arguments, **options):
        with transaction():
            passwords.reissue_provisional_password(account_id, now=now)
        return compile_pdf(*arguments, **options)

    monkeypatch.setattr(service, "compile_pdf", compile_while_another_reissues)

    with pytest.raises(SchoolChangedMeanwhile):
        service.print_letters(ALL, destination, now=now)

    assert not list(destination.parent.iterdir())


def test_unknown_identifiers_refuse_the_whole_printing(
    add_guardian: AddGuardian, destination: Path, now: datetime
):
    account_id = add_guardian()
    selection = Selection(UAI, identifiers=frozenset({"c.dherbomez", "x.inconnu"}))

    with pytest.raises(NobodyToPrint) as refusal:
        service.print_letters(selection, destination, now=now)

    assert refusal.value.detail == "x.inconnu"
    assert state_of(account_id) is AccountState.CREATED


def test_one_page_a_guardian_with_all_children_of_the_school(
    add_guardian: AddGuardian, add_child: AddChild, destination: Path, now: datetime
):
    lea, enzo = add_child("Léa"), add_child("Enzo", class_label="CP A")
    add_guardian("c.dherbomez", children=[lea, enzo])
    add_guardian("j.dherbomez", children=[lea, enzo], given_name="Jean", title="M.")

    service.print_letters(ALL, destination, now=now)

    pages = [page.extract_text() for page in PdfReader(destination).pages]
    assert len(pages) == 2
    assert all("Léa D’HERBOMEZ" in page and "Enzo D’HERBOMEZ" in page for page in pages)
    assert ["Mme Céline" in pages[0], "M. Jean" in pages[1]] == [True, True]


def test_every_printed_page_is_in_the_journal(add_guardian: AddGuardian, destination: Path, now: datetime):
    account_id = add_guardian()

    service.print_letters(ALL, destination, now=now)

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.name == "letters:account:printed")).one()
    assert entry.account_id == account_id
    assert entry.details == {"account_id": str(account_id), "kind": "issued", "issue_number": 1}


def test_ac_14_the_paper_tells_what_a_parent_needs_and_nothing_that_opens_the_account(
    add_guardian: AddGuardian, add_child: AddChild, destination: Path, now: datetime
):
    add_guardian(children=[add_child(ine="123456789AB")])

    service.print_letters(ALL, destination, now=now)

    text = text_of(destination)
    for wanted in (
        "Mme Céline D’HERBOMEZ",
        "Léa D’HERBOMEZ, CE2 B",
        "École Aimé-Césaire",
        "https://compte.example",
        "c.dherbomez",
        "Valable jusqu’au 21 février 2027",
        "Courriers indésirables",
        "adresse de courriel",
        "Vous n’êtes pas le représentant légal",
        "03 53 01 00 01",
        "1. Ce courrier",
        "2. Mot de passe",
        "3. Informations",
        "4. Messagerie",
    ):
        assert wanted in text
    for unwanted in ("123456789AB", "2018", "14/03", "14 mars", "Réussite", "http://"):
        assert unwanted not in text
    assert text.count("https://") == 1


def test_ac_14_the_qr_code_holds_the_address_of_activation_alone(
    add_guardian: AddGuardian, destination: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    add_guardian()
    seen: list[dict[str, Any]] = []

    def compile_and_note(template, data, **options):
        seen.append(data)
        return compile_pdf(template, data, **options)

    monkeypatch.setattr(service, "compile_pdf", compile_and_note)

    service.print_letters(ALL, destination, now=now)

    drawn = segno.make("https://compte.example/activation", error="m", micro=False)
    assert seen[0]["qr_svg"].strip() == drawn.svg_inline(border=0, omitsize=False).replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1
    )


@pytest.mark.parametrize(
    "name",
    [
        '#eval("1")',
        "*gras* _italique_",
        "$x$ @ref <label>",
        "`code` ```raw```",
        '#read("/etc/passwd")',
        '#image("/etc/passwd")',
        '#include "letter.typ"',
        '#import "@preview/cetz:0.2.0"',
        "// commentaire",
        "\\u{41} ~ -- ---",
    ],
)
def test_im_09_im_10_typst_markup_in_a_name_is_printed_literally(
    add_guardian: AddGuardian, destination: Path, now: datetime, name: str
):
    add_guardian(given_name="", title="", family_name=name)

    service.print_letters(ALL, destination, now=now)

    assert squeezed(name) in squeezed(text_of(destination))


@pytest.mark.parametrize("name", ["王小明", "Zoé 😀", "A\u0007B", "\ue000"])
def test_a_name_that_no_face_can_draw_does_not_stop_the_school(
    add_guardian: AddGuardian, destination: Path, now: datetime, name: str
):
    add_guardian(family_name=name)

    plan = service.print_letters(ALL, destination, now=now)

    assert len(plan.pages) == 1


def test_whatever_the_names_a_letter_is_one_page(
    add_guardian: AddGuardian, add_child: AddChild, destination: Path, now: datetime
):
    children = [
        add_child(
            f"Marie-Antoinette-{number}", family_name="ABCDEFGHIJ-" * 5, class_label="CE1-CE2 de Mme X" * 2
        )
        for number in range(12)
    ]
    add_guardian(
        "a." + "b" * 40 + "1234",
        children=children,
        given_name="Anne-Charlotte",
        family_name="ABCDEFGHIJ-" * 6,
    )

    service.print_letters(ALL, destination, now=now)

    pages = PdfReader(destination).pages
    assert len(pages) == 1
    assert "Besoin d’aide" in pages[0].extract_text()


@pytest.mark.parametrize("children", [1, 4])
def test_a_name_of_one_long_word_stays_on_the_paper(
    add_guardian: AddGuardian, add_child: AddChild, destination: Path, now: datetime, children: int
):
    name = "WWWMONTMORENCYBEAUREGARDHAUTERIVECHATEAUNEUFVILLEFRANCHEROCH"
    add_guardian(
        family_name=name, children=[add_child(str(one), family_name=name) for one in range(children)]
    )

    service.print_letters(ALL, destination, now=now)

    boxes = subprocess.run(
        ["pdftotext", "-bbox", destination, "-"], capture_output=True, text=True, check=True
    ).stdout
    right_ends = [float(end) for end in re.findall(r'<word [^>]*xMax="([0-9.]+)"', boxes)]
    assert max(right_ends) <= 595 - 50
    assert name in squeezed(text_of(destination)).replace("\u00ad", "")


@pytest.mark.parametrize("children", [1, 3, 4])
def test_a_school_of_long_names_prints_one_page_a_guardian(
    add_guardian: AddGuardian, add_child: AddChild, destination: Path, now: datetime, children: int
):
    families.set_contact(UAI, {"name": "École " + "élémentaire " * 16, "email": "a" * 200 + "@ecole.example"})
    label = "CE1-CE2 de Madame DUPONTEL"
    add_guardian(children=[add_child(f"Anne-Charlotte-{one}", class_label=label) for one in range(children)])

    service.print_letters(ALL, destination, now=now)

    assert len(PdfReader(destination).pages) == 1


def test_folded_only_guardian_and_class_show(add_guardian: AddGuardian, destination: Path, now: datetime):
    add_guardian()
    service.print_letters(ALL, destination, now=now)
    third = ["-x", "0", "-y", "0", "-W", "595", "-H", "281"]

    outside = subprocess.run(
        ["pdftotext", *third, destination, "-"], capture_output=True, text=True, check=True
    ).stdout

    assert outside.split() == ["Mme", "Céline", "D’HERBOMEZ", "CE2", "B"]


def test_the_pdf_is_accessible_and_durable(add_guardian: AddGuardian, destination: Path, now: datetime):
    add_guardian()

    service.print_letters(ALL, destination, now=now)

    for profile in (page.ValidationProfile.PDF_UA_1, page.ValidationProfile.PDF_A_2A):
        report = page.validate_pdf(destination, profile=profile)
        assert [(failure.rule_id, failure.message) for failure in report.failures] == []
    reader = PdfReader(destination)
    metadata = str(reader.xmp_metadata.rdf_root.toxml()) if reader.xmp_metadata else ""
    assert "pdfuaid:part" in metadata
    assert "pdfaid:part" in metadata
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "fr-FR"


def kinds(plan: PrintPlan) -> list[LetterKind]:
    return [page.kind for page in plan.pages]


def text_of(pdf: Path) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(pdf).pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_an_unknown_school_is_refused(add_guardian: AddGuardian, destination: Path, now: datetime):
    add_guardian()

    with pytest.raises(SchoolUnknown):
        service.print_letters(Selection("0990002P"), destination, now=now)
