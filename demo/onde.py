"""Writes a school as the national base extracts it: two CSV files, in each of the variants that occur."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from demo.people import Guardian, Pupil, School

PUPIL_HEADER = (
    "Nom élève;Nom d'usage élève;Prénom élève;Date naissance;Sexe;INE;Adresse1;Cp1;Commune1;Pays1;Adresse2;Cp2;"
    "Commune2;Pays2;Cycle;Niveau;Libellé classe;Identifiant classe;Attestation fournie;Autorisation associations;"
    "Autorisation photo;Décision de passage"
).split(";")
GUARDIAN_HEADER = (
    "Civilité Responsable;Nom usage responsable;Nom responsable;Prénom responsable;Adresse responsable;"
    "CP responsable;Commune responsable;Pays;Courriel;Téléphone domicile;Téléphone travail"
).split(";")
EXTENSION_COLUMN = "Numéro de poste"
MOBILE_COLUMN = "Téléphone portable"
CHILD_HEADER = ("Nom d'usage enfant", "Nom de famille enfant", "Prénom enfant", "Classes enfants")
CYCLES = {"CP": "CYCLE II", "CE1": "CYCLE II", "CE2": "CYCLE II", "CM1": "CYCLE III", "CM2": "CYCLE III"}


@dataclass(frozen=True, slots=True)
class Variant:
    """How an extraction is written. `encoding` is a Python codec name."""

    encoding: str
    has_extension_column: bool
    has_iso_dates: bool


# What the wild holds: windows-1252 without the extension column, UTF-8 with a mark and with it.
OLD = Variant("cp1252", has_extension_column=False, has_iso_dates=False)
NEW = Variant("utf-8-sig", has_extension_column=True, has_iso_dates=True)
PLAIN = Variant("utf-8", has_extension_column=False, has_iso_dates=False)


def pupils_csv(school: School, variant: Variant) -> bytes:
    """The pupils' file."""
    return _csv([PUPIL_HEADER, *(_pupil_row(pupil, variant) for pupil in school.pupils)], variant)


def guardians_csv(school: School, variant: Variant) -> bytes:
    """The guardians' file: the child columns are repeated under the same names."""
    most = max(len(guardian.children) for guardian in school.guardians)
    phone = [EXTENSION_COLUMN, MOBILE_COLUMN] if variant.has_extension_column else [MOBILE_COLUMN]
    header = [*GUARDIAN_HEADER, *phone, *CHILD_HEADER * most]
    rows = (_guardian_row(guardian, variant, len(header)) for guardian in school.guardians)
    return _csv([header, *rows], variant)


def _pupil_row(pupil: Pupil, variant: Variant) -> list[str]:
    address = ["1 rue des Tilleuls", "99100", "VILLENEUVE-LES-SAULES", "FRANCE"]
    return [
        pupil.family_name,
        pupil.usage_name,
        pupil.given_name,
        _date(pupil.birth_date, variant),
        pupil.sex,
        pupil.ine,
        *address,
        *[""] * 4,
        CYCLES[pupil.level],
        pupil.level,
        pupil.class_label,
        str(pupil.class_id),
        "Oui",
        "Non",
        "Oui",
        "",
    ]


def _guardian_row(guardian: Guardian, variant: Variant, width: int) -> list[str]:
    row = [
        guardian.title,
        guardian.usage_name,
        guardian.family_name,
        guardian.given_name,
        guardian.street,
        guardian.postcode,
        guardian.town,
        "FRANCE",
        guardian.email,
        "",
        "",
        *([""] if variant.has_extension_column else []),
        guardian.mobile,
    ]
    for child in guardian.children:
        row += [child.usage_name, child.family_name, child.given_name, child.class_label]
    return row + [""] * (width - len(row))


def _date(day: date, variant: Variant) -> str:
    return day.isoformat() if variant.has_iso_dates else f"{day:%d/%m/%Y}"


def _csv(rows: Iterable[Sequence[str]], variant: Variant) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(variant.encoding)
