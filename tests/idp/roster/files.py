"""ONDE extractions made by tests: one line a person, every cell valid unless told."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from idp.roster.extraction import ExtractionFile

PUPIL_HEADER = (
    "Nom élève;Nom d'usage élève;Prénom élève;Date naissance;Sexe;INE;Adresse1;Cp1;Commune1;Pays1;Adresse2;Cp2;"
    "Commune2;Pays2;Cycle;Niveau;Libellé classe;Identifiant classe;Attestation fournie;Autorisation associations;"
    "Autorisation photo;Décision de passage"
).split(";")
GUARDIAN_HEADER = (
    "Civilité Responsable;Nom usage responsable;Nom responsable;Prénom responsable;Adresse responsable;CP responsable;"
    "Commune responsable;Pays;Courriel;Téléphone domicile;Téléphone travail;Téléphone portable"
).split(";")
CHILD_HEADER = ["Nom d'usage enfant", "Nom de famille enfant", "Prénom enfant", "Classes enfants"]


@dataclass(frozen=True)
class PupilLine:
    """A pupil of CE2 B."""

    given_name: str = "Maël"
    family_name: str = "N’GUYEN"
    usage_name: str = ""
    born: str = "14/03/2017"
    sex: str = "M"
    ine: str = ""
    level: str = "CE2"
    class_label: str = "CE2 B"
    class_id: str = "123456"

    def cells(self) -> list[str]:
        address = ["1 rue du Lac", "21000", "DIJON", "FRANCE", "", "", "", ""]
        names = [self.family_name, self.usage_name, self.given_name]
        school = ["CYCLE II", self.level, self.class_label, self.class_id]
        return [*names, self.born, self.sex, self.ine, *address, *school, "Oui", "Non", "Non", ""]


@dataclass(frozen=True)
class GuardianLine:
    """A guardian of the given pupils."""

    children: Sequence[PupilLine] = ()
    given_name: str = "Céline"
    family_name: str = "L’HÉNORET"
    usage_name: str = ""
    title: str = "MME"
    street: str = ""
    email: str = ""
    mobile: str = ""

    def cells(self, *, has_extension: bool = False) -> list[str]:
        names = [self.title, self.usage_name, self.family_name, self.given_name]
        extension = [""] if has_extension else []
        children = [
            cell
            for child in self.children
            for cell in (child.usage_name, child.family_name, child.given_name, child.class_label)
        ]
        contact = [self.email, "", "", *extension, self.mobile]
        return [*names, self.street, "21000", "DIJON", "FRANCE", *contact, *children]


def written(rows: Iterable[Sequence[str]], *, separator: str = ";", encoding: str = "utf-8") -> bytes:
    """The rows as CSV, lines ended as ONDE ends them."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def pupils_csv(*pupils: PupilLine, encoding: str = "utf-8") -> bytes:
    return written([PUPIL_HEADER, *(pupil.cells() for pupil in pupils)], encoding=encoding)


def guardians_csv(*guardians: GuardianLine, has_extension: bool = False, encoding: str = "utf-8") -> bytes:
    most = max([1, *(len(guardian.children) for guardian in guardians)])
    fixed = (
        [*GUARDIAN_HEADER[:11], "Numéro de poste", GUARDIAN_HEADER[11]] if has_extension else GUARDIAN_HEADER
    )
    rows = [guardian.cells(has_extension=has_extension) for guardian in guardians]
    return written([[*fixed, *CHILD_HEADER * most], *rows], encoding=encoding)


def pupils_file(*pupils: PupilLine) -> ExtractionFile:
    return ExtractionFile("pupils.csv", pupils_csv(*pupils))


def guardians_file(*guardians: GuardianLine) -> ExtractionFile:
    return ExtractionFile("guardians.csv", guardians_csv(*guardians))
