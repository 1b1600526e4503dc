"""Invented people: nobody real. Telephone numbers and addresses are of ranges kept for fiction."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

LEVELS = ("CP", "CE1", "CE2", "CM1", "CM2")
AGE_IN_CP = 6

GIRLS = (
    "Alizée Anouk Ambre Béatrice Célestine Clémence Dahlia Éloïse Fanny Garance Héloïse Inès Jade Kenza Léonie "
    "Maïa Noémie Océane Pénélope Rosalie Salomé Tiphaine Ursule Victoire Wendy Yasmine Zélie"
).split()
BOYS = (
    "Achille Bastien Côme Désiré Émile Félix Gaspard Hippolyte Idriss Joachim Kévin Loïc Malo Noé Octave Placide "
    "Quentin Raphaël Siméon Théophile Ulysse Valentin Wassim Xavier Yanis Zacharie"
).split()
MOTHERS = (
    "Agathe Blandine Coralie Delphine Estelle Fatoumata Ghislaine Honorine Isaure Jocelyne Karima Laetitia "
    "Mireille Nadège Odile Priscille Rachida Solange Thérèse Violaine"
).split()
FATHERS = (
    "Aurélien Benoît Cédric Damien Étienne Fabrice Gaël Hervé Ibrahima Jérôme Kamel Ludovic Marius Norbert "
    "Olivier Philibert Régis Sylvain Tanguy Vianney"
).split()
FAMILIES = (
    "BALVERNE CASTELORME DARCIEL ESTRIVAUX FOUGERAND GRANDVALIER HAUTECLAIRE ISAMBOURG JOLIVERT KERMADOC "
    "LAMOURETTE MONTAGNER NOIRCLERC ORBIGNEAU PASTORELLI QUERCYAN ROUVEYRE SABRANTON TREGONNEC URVILLAIN "
    "VERTEFEUILLE WALBRONN YVORET ZELLANGER BENSALHI OUEDRANE DIABATOU TRANGVY SILVEIRAO KOWALENSKA"
).split()
STREETS = (
    "rue des Tilleuls",
    "allée du Moulin",
    "impasse des Hirondelles",
    "chemin de l’Étang",
    "place du Marché",
    "rue de l’Œuvre",
)
TOWNS = (("99100", "VILLENEUVE-LES-SAULES"), ("99120", "SAINT-ÉLOI-SUR-LISE"))


@dataclass(eq=False, slots=True)
class Pupil:
    """One child of one school; `has_livret` tells whether the school has written bilans. `ine` may be empty."""

    family_name: str
    given_name: str
    birth_date: date
    sex: str
    ine: str
    level: str
    class_label: str
    class_id: int
    usage_name: str = ""
    has_livret: bool = True


@dataclass(eq=False, slots=True)
class Guardian:
    """One row of the guardians' file. `kind` says what the person is in the demo for."""

    family_name: str
    given_name: str
    title: str
    children: list[Pupil]
    street: str
    postcode: str
    town: str
    usage_name: str = ""
    email: str = ""
    mobile: str = ""
    kind: str = ""


@dataclass(slots=True)
class School:
    """A school with everybody in it. `uai` has its right check letter."""

    uai: str
    name: str
    phone: str
    email: str
    head: tuple[str, str, str]
    pupils: list[Pupil] = field(default_factory=list)
    guardians: list[Guardian] = field(default_factory=list)


class Inventor:
    """Draws people from one seed: the same ones each time."""

    def __init__(self, seed: str, *, school_year: int) -> None:
        self._draw = Random(seed)
        self._school_year = school_year
        self._number = self._draw.randrange(10_000_000, 90_000_000)
        self._mobile = self._draw.randrange(1000, 5000)

    def pupil(
        self, level: str, class_label: str, class_id: int, *, family_name: str = "", **known: object
    ) -> Pupil:
        """A child of the age of the level."""
        sex = self._draw.choice("FM")
        values: dict[str, object] = {
            "family_name": family_name or self._draw.choice(FAMILIES),
            "given_name": self._draw.choice(GIRLS if sex == "F" else BOYS),
            "birth_date": self._birth_date(level),
            "sex": sex,
            "ine": self._ine(),
            "level": level,
            "class_label": class_label,
            "class_id": class_id,
        }
        return Pupil(**values | known)  # type: ignore[arg-type]

    def guardian(self, *children: Pupil, **known: object) -> Guardian:
        """Whoever answers for these children; of their family name unless told otherwise."""
        is_mother = self._draw.random() < 0.5
        values: dict[str, object] = {
            "family_name": children[0].family_name,
            "given_name": self._draw.choice(MOTHERS if is_mother else FATHERS),
            "title": "MME" if is_mother else "M.",
            "children": list(children),
            **self.address(),
            "mobile": self._mobile_number(),
        }
        return Guardian(**values | known)  # type: ignore[arg-type]

    def couple(self, *children: Pupil) -> list[Guardian]:
        """Two parents at one address, one of whom gave the school a mail address."""
        home = self.address()
        mother = self.guardian(*children, given_name=self._draw.choice(MOTHERS), title="MME", **home)
        father = self.guardian(*children, given_name=self._draw.choice(FATHERS), title="M.", **home)
        mother.email = mail_address(mother.given_name, mother.family_name)
        return [mother, father]

    def address(self) -> dict[str, str]:
        """A home."""
        postcode, town = self._draw.choice(TOWNS)
        return {
            "street": f"{self._draw.randrange(1, 99)} {self._draw.choice(STREETS)}",
            "postcode": postcode,
            "town": town,
        }

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self._draw.random() < probability

    def _birth_date(self, level: str) -> date:
        first = date(self._school_year - AGE_IN_CP - LEVELS.index(level), 1, 1)
        return first + timedelta(days=self._draw.randrange(365))

    def _ine(self) -> str:
        self._number += 1
        return f"0{self._number:08d}DM"

    def _mobile_number(self) -> str:
        self._mobile += 1
        return f"063998{self._mobile:04d}"


def mail_address(given_name: str, family_name: str) -> str:
    """An address at a name that no mail can reach."""
    ascii_names = f"{given_name}.{family_name}".encode("ascii", "ignore").decode().lower()
    return f"{''.join(one for one in ascii_names if one.isalnum() or one == '.')}@famille.example"
