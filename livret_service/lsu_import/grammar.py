"""The structure of an LSU file of the first degree (schemaVersion 1.0), as data.

Order is imposed but in `entete`; `once`, `maybe`, `many` say how often an element comes.
"""

from dataclasses import dataclass
from enum import Enum

from livret_service.lsu_import.values import (
    Kind,
    boolean,
    day,
    identifier,
    instant,
    one_of,
    references,
    text,
    whole_number,
    year,
)

NAMESPACE = "urn:fr:edu:scolarite:lsun:bilans:import"


class Order(Enum):
    SEQUENCE = "in this order"
    ANY = "in any order"


@dataclass(frozen=True, slots=True)
class Attribute:
    """`is_free` keeps the spaces of a text; any other value is trimmed, as XML Schema's tokens are."""

    name: str
    kind: Kind
    is_required: bool = True
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Unique:
    """No two children named `element` share the values of these attributes."""

    element: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    attributes: tuple[Attribute, ...] = ()
    children: tuple["Occurrence", ...] = ()
    text: Kind | None = None
    order: Order = Order.SEQUENCE
    unique: tuple[Unique, ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`most` is None without limit."""

    element: Element
    least: int = 1
    most: int | None = 1


def once(element: Element) -> Occurrence:
    return Occurrence(element)


def maybe(element: Element) -> Occurrence:
    return Occurrence(element, least=0)


def many(element: Element) -> Occurrence:
    return Occurrence(element, most=None)


def required(name: str, kind: Kind) -> Attribute:
    return Attribute(name, kind)


def optional(name: str, kind: Kind) -> Attribute:
    return Attribute(name, kind, is_required=False)


def named(name: str, maximum: int, *, is_required: bool = True) -> Attribute:
    """A free text of at most `maximum` characters."""
    return Attribute(name, text(1, maximum), is_required=is_required, is_free=True)


def listed(name: str, item: Element, *unique: Unique, least: int = 1, most: int | None = None) -> Element:
    """An element that only holds items of one name."""
    return Element(name, children=(Occurrence(item, least, most),), unique=unique)


PARCOURS_CODES = ("PAR_CIT", "PAR_ART", "PAR_SAN")
SUPPORT_CODES = ("PAP", "PPS", "UPE2A", "RASED", "ULIS", "PAI", "PPRE")
SOCLE_CODES = ("CPD_FRA", "CPD_ETR", "CPD_SCI", "CPD_ART", "MET_APP", "FRM_CIT", "SYS_NAT", "REP_MND")

TITLE = required("civilite", one_of("M", "MME"))
ADULT = (required("id", identifier), TITLE, named("nom", 100), named("prenom", 100))
NAMES = ("civilite", "nom", "prenom")

APPRECIATION = Element("appreciation", text=text(1, 600))

PARCOURS = Element("parcours", attributes=(required("code", one_of(*PARCOURS_CODES)),), text=text(1, 600))

ASSESSED = (
    required("code-domaine", text(7, 7)),
    optional("element-programme-refs", references),
    optional("positionnement", one_of("1", "2", "3", "4")),
    optional("non-evalue", boolean),
)
SUB_DOMAIN = Element("sous-domaine", attributes=ASSESSED)
ASSESSMENT = Element(
    "acquis",
    attributes=ASSESSED,
    children=(
        maybe(APPRECIATION),
        maybe(listed("sous-domaines", SUB_DOMAIN, Unique("sous-domaine", ("code-domaine",)))),
    ),
)

SUPPORT_MEASURE = Element(
    "modalite-accompagnement",
    attributes=(required("code", one_of(*SUPPORT_CODES)),),
    children=(maybe(Element("complement-ppre", text=text(1, 600))),),
)


def socle(*, is_required: bool) -> Element:
    """The eight components; a bilan de cycle says a level for each, a bilan périodique may not."""
    level = Attribute("positionnement", one_of("0", "1", "2", "3", "4"), is_required=is_required)
    domain = Element("domaine", attributes=(required("code", one_of(*SOCLE_CODES)), level))
    return listed("socle", domain, Unique("domaine", ("code",)), least=8, most=8)


GUARDIANS = listed(
    "responsables",
    Element(
        "responsable",
        attributes=(
            TITLE,
            named("nom", 100),
            named("prenom", 100),
            named("lien-parente", 40, is_required=False),
        ),
        children=(
            maybe(
                Element(
                    "adresse",
                    attributes=(
                        named("ligne1", 50),
                        *(named(f"ligne{number}", 50, is_required=False) for number in (2, 3, 4)),
                        named("code-postal", 10),
                        named("commune", 100),
                    ),
                )
            ),
        ),
    ),
)

SIGNED = (
    required("eleve-ref", identifier),
    required("enseignant-refs", references),
    required("date-creation", day),
    required("date-verrou", instant),
    required("directeur-ref", identifier),
)

BILAN_PERIODIQUE = Element(
    "bilan-periodique",
    attributes=(*SIGNED, required("periode-ref", identifier), required("date-scolarite", day)),
    children=(
        once(listed("liste-acquis", ASSESSMENT, Unique("acquis", ("code-domaine",)))),
        maybe(listed("liste-parcours", PARCOURS, Unique("parcours", ("code",)))),
        maybe(
            listed("modalites-accompagnement", SUPPORT_MEASURE, Unique("modalite-accompagnement", ("code",)))
        ),
        once(Element("appreciation-generale", text=text(1, 1500))),
        maybe(socle(is_required=False)),
        maybe(GUARDIANS),
    ),
)

BILAN_CYCLE = Element(
    "bilan-cycle",
    attributes=(*SIGNED, required("cycle", one_of("2")), required("millesime", year)),
    children=(
        once(socle(is_required=True)),
        once(Element("synthese", text=text(1, 1500))),
        maybe(GUARDIANS),
    ),
)

SCHOOL_CLASS = Element(
    "classe",
    attributes=(
        required("id", identifier),
        required("id-be", whole_number),
        named("libelle", 50, is_required=False),
    ),
)

CHILD = Element(
    "eleve",
    attributes=(
        required("id", identifier),
        required("ine", text(11, 11)),
        required("classe-ref", identifier),
        named("nom", 100, is_required=False),
        named("prenom", 100, is_required=False),
    ),
)

PERIODE = Element(
    "periode",
    attributes=(
        required("id", identifier),
        required("millesime", year),
        required("indice", whole_number),
        required("nb-periodes", whole_number),
        required("date-debut", day),
        required("date-fin", day),
    ),
)

PROGRAMME_ELEMENT = Element(
    "element-programme", attributes=(required("id", identifier), named("libelle", 300))
)

COMMON_PARCOURS = Element(
    "parcours-commun",
    attributes=(required("periode-ref", identifier), required("classe-ref", identifier)),
    children=(many(PARCOURS),),
    unique=(Unique("parcours", ("code",)),),
)

HEADER = Element(
    "entete",
    order=Order.ANY,
    children=(
        once(Element("editeur", text=text(1, 50))),
        once(Element("application", text=text(1, 50))),
        once(Element("etablissement", text=text(8, 8))),
    ),
)

DATA = Element(
    "donnees",
    children=(
        once(listed("directeurs", Element("directeur", attributes=ADULT), Unique("directeur", NAMES))),
        once(listed("classes", SCHOOL_CLASS, Unique("classe", ("id-be",)))),
        once(listed("eleves", CHILD, Unique("eleve", ("ine",)))),
        maybe(listed("periodes", PERIODE)),
        once(listed("enseignants", Element("enseignant", attributes=ADULT), Unique("enseignant", NAMES))),
        maybe(listed("elements-programme", PROGRAMME_ELEMENT, Unique("element-programme", ("libelle",)))),
        maybe(listed("parcours-communs", COMMON_PARCOURS)),
        maybe(
            listed(
                "bilans-periodiques",
                BILAN_PERIODIQUE,
                Unique("bilan-periodique", ("eleve-ref", "periode-ref")),
            )
        ),
        maybe(listed("bilans-cycle", BILAN_CYCLE, Unique("bilan-cycle", ("eleve-ref", "cycle")))),
    ),
)

LSU_FILE = Element(
    "lsun-bilans",
    attributes=(required("schemaVersion", one_of("1.0")),),
    children=(once(HEADER), once(DATA)),
)
