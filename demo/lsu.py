"""Writes a school's bilans as a school application exports them: LSU XML of the first degree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from random import Random
from xml.etree import ElementTree as ET

from demo.people import LEVELS, Pupil, School

NAMESPACE = "urn:fr:edu:scolarite:lsun:bilans:import"
LAST_LEVEL_OF_CYCLE_2 = "CE2"

CYCLE_2 = {
    "FRA-RAC": ("FRA-LGO", "FRA-LEC", "FRA-ECR", "FRA-ETL"),
    "MAT-RAC": ("MAT-NBC", "MAT-GDM", "MAT-GEO"),
    "ART-RAC": ("ART-PLA", "ART-MUS"),
    "QLM-RAC": ("QLM-VMO", "QLM-ETP"),
    "EPS-RAC": (),
    "EMC-RAC": (),
    "LGV-RAC": (),
}
CYCLE_3 = {
    "FRA-RAC": ("FRA-LGO", "FRA-LEC", "FRA-ECR", "FRA-ETL"),
    "MAT-RAC": ("MAT-NBC", "MAT-GDM", "MAT-GEO"),
    "ART-RAC": ("ART-PLA", "ART-MUS", "ART-HAR"),
    "STC-RAC": (),
    "HIG-RAC": (),
    "EPS-RAC": (),
    "EMC-RAC": (),
    "LGV-RAC": (),
}
ELEMENTS = (
    "Lire à voix haute avec fluidité",
    "Comprendre et utiliser des nombres entiers",
    "Écrire un texte d’une quinzaine de lignes",
    "Se repérer dans l’espace et le représenter",
    "Mesurer & comparer des longueurs (x < 1 km)",
)
SOCLE = ("CPD_FRA", "CPD_ETR", "CPD_SCI", "CPD_ART", "MET_APP", "FRM_CIT", "SYS_NAT", "REP_MND")
REMARKS = (
    "{name} lit avec aisance et participe volontiers.",
    "{name} progresse ; relire chaque soir quelques lignes l’aidera.",
    "{name} cherche, essaie et explique ce qui a été compris.",
    "Le travail de {name} est soigné & régulier.",
    "{name} gagne en assurance à l’oral.",
)
GENERAL = (
    "{name} a bien travaillé durant cette période. Continuez à l’encourager.",
    "Un ensemble satisfaisant : {name} peut être content de ses progrès.",
    "{name} fait des efforts qui portent leurs fruits.\nLa lecture quotidienne reste à poursuivre.",
)
SUMMARY = (
    "Les attendus de fin de cycle 2 sont atteints dans l’ensemble. {name} aborde le cycle 3 avec confiance."
)


@dataclass(frozen=True, slots=True)
class Periode:
    """A period of a school year; `locked_on` may be in the future: parents then see nothing yet."""

    school_year: int
    index: int
    count: int
    starts_on: date
    ends_on: date
    locked_on: date

    @property
    def xml_id(self) -> str:
        return f"P_{self.school_year}_{self.index}"


def demo_periodes(school_year: int) -> tuple[Periode, ...]:
    """Last year's two semesters, and the first two terms of this year."""
    last, this = school_year - 1, school_year
    return (
        Periode(last, 1, 2, date(last, 9, 1), date(this, 1, 30), date(this, 1, 30)),
        Periode(last, 2, 2, date(this, 1, 31), date(this, 7, 3), date(this, 7, 1)),
        Periode(this, 1, 3, date(this, 9, 1), date(this, 11, 13), date(this, 11, 14)),
        Periode(this, 2, 3, date(this, 11, 14), date(this + 1, 2, 26), date(this + 1, 2, 26)),
    )


def lsu_xml(school: School, school_year: int) -> bytes:
    """The file of one school, of every pupil with an INE whose livret is kept."""
    return _Writer(school, demo_periodes(school_year), school_year).write()


class _Writer:
    def __init__(self, school: School, periodes: Sequence[Periode], school_year: int) -> None:
        self._school = school
        self._periodes = periodes
        self._school_year = school_year
        self._draw = Random(school.uai)
        self._pupils = [pupil for pupil in school.pupils if pupil.ine]
        self._ids = {id(pupil): f"E_{place}" for place, pupil in enumerate(self._pupils, 1)}

    def write(self) -> bytes:
        root = ET.Element("lsun-bilans", {"xmlns": NAMESPACE, "schemaVersion": "1.0"})
        header = ET.SubElement(root, "entete")
        for name, text in (
            ("editeur", "Éditeur inventé"),
            ("application", "Cahier inventé"),
            ("etablissement", self._school.uai),
        ):
            ET.SubElement(header, name).text = text
        data = ET.SubElement(root, "donnees")
        self._people_and_classes(data)
        self._lists(data)
        self._bilans(data)
        ET.indent(root)
        return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True))

    def _people_and_classes(self, data: ET.Element) -> None:
        title, family_name, given_name = self._school.head
        heads = ET.SubElement(data, "directeurs")
        ET.SubElement(heads, "directeur", id="D_1", civilite=title, nom=family_name, prenom=given_name)
        classes = ET.SubElement(data, "classes")
        for class_id, label in sorted({(pupil.class_id, pupil.class_label) for pupil in self._pupils}):
            ET.SubElement(
                classes, "classe", {"id": f"G_{class_id}", "id-be": str(class_id), "libelle": label}
            )
        children = ET.SubElement(data, "eleves")
        for pupil in self._pupils:
            ET.SubElement(
                children,
                "eleve",
                {
                    "id": self._ids[id(pupil)],
                    "ine": pupil.ine,
                    "classe-ref": f"G_{pupil.class_id}",
                    "nom": pupil.family_name,
                    "prenom": pupil.given_name,
                },
            )

    def _lists(self, data: ET.Element) -> None:
        periodes = ET.SubElement(data, "periodes")
        for periode in self._periodes:
            ET.SubElement(
                periodes,
                "periode",
                {
                    "id": periode.xml_id,
                    "millesime": str(periode.school_year),
                    "indice": str(periode.index),
                    "nb-periodes": str(periode.count),
                    "date-debut": periode.starts_on.isoformat(),
                    "date-fin": periode.ends_on.isoformat(),
                },
            )
        teachers = ET.SubElement(data, "enseignants")
        ET.SubElement(teachers, "enseignant", id="U_1", civilite="M", nom="PLUMEVAL", prenom="Aurèle")
        ET.SubElement(teachers, "enseignant", id="U_2", civilite="MME", nom="ARDOISIER", prenom="Noëlle")
        elements = ET.SubElement(data, "elements-programme")
        for place, label in enumerate(ELEMENTS):
            ET.SubElement(elements, "element-programme", id=f"EP_{place}", libelle=label)
        common = ET.SubElement(data, "parcours-communs")
        first_class = self._pupils[0].class_id
        shared = ET.SubElement(
            common,
            "parcours-commun",
            {"periode-ref": self._periodes[2].xml_id, "classe-ref": f"G_{first_class}"},
        )
        ET.SubElement(shared, "parcours", code="PAR_ART").text = "Visite du musée de la marionnette."

    def _bilans(self, data: ET.Element) -> None:
        by_periode = ET.SubElement(data, "bilans-periodiques")
        with_livret = [pupil for pupil in self._pupils if pupil.has_livret]
        for pupil in with_livret:
            for periode in self._periodes:
                if level := self._level_in(pupil, periode.school_year):
                    self._bilan_periodique(by_periode, pupil, periode, level)
        leaving_cycle_2 = [
            pupil
            for pupil in with_livret
            if self._level_in(pupil, self._school_year - 1) == LAST_LEVEL_OF_CYCLE_2
        ]
        if leaving_cycle_2:
            by_cycle = ET.SubElement(data, "bilans-cycle")
            for pupil in leaving_cycle_2:
                self._bilan_cycle(by_cycle, pupil)

    def _level_in(self, pupil: Pupil, school_year: int) -> str | None:
        """The level of that year; None before CP."""
        place = LEVELS.index(pupil.level) - (self._school_year - school_year)
        return LEVELS[place] if place >= 0 else None

    def _bilan_periodique(self, parent: ET.Element, pupil: Pupil, periode: Periode, level: str) -> None:
        bilan = ET.SubElement(
            parent,
            "bilan-periodique",
            {
                "eleve-ref": self._ids[id(pupil)],
                "periode-ref": periode.xml_id,
                "enseignant-refs": self._draw.choice(("U_1", "U_2", "U_1 U_2")),
                "date-creation": periode.locked_on.isoformat(),
                "date-scolarite": periode.starts_on.isoformat(),
                "date-verrou": datetime.combine(periode.locked_on, time(18)).isoformat(),
                "directeur-ref": "D_1",
            },
        )
        is_cycle_2 = LEVELS.index(level) <= LEVELS.index(LAST_LEVEL_OF_CYCLE_2)
        acquis = ET.SubElement(bilan, "liste-acquis")
        for domain, parts in (CYCLE_2 if is_cycle_2 else CYCLE_3).items():
            self._acquis(acquis, domain, parts, pupil)
        self._parcours_and_measures(bilan)
        ET.SubElement(bilan, "appreciation-generale").text = self._say(GENERAL, pupil)

    def _acquis(self, parent: ET.Element, domain: str, parts: Sequence[str], pupil: Pupil) -> None:
        acquis = ET.SubElement(parent, "acquis", {"code-domaine": domain})
        if not parts:
            acquis.set("positionnement", self._positionnement())
        if self._draw.random() < 0.5:
            ET.SubElement(acquis, "appreciation").text = self._say(REMARKS, pupil)
        if parts:
            below = ET.SubElement(acquis, "sous-domaines")
            for part in parts:
                self._sub_domain(below, part)

    def _sub_domain(self, parent: ET.Element, code: str) -> None:
        attributes = {"code-domaine": code}
        if self._draw.random() < 0.5:
            attributes["element-programme-refs"] = f"EP_{self._draw.randrange(len(ELEMENTS))}"
        if self._draw.random() < 0.1:
            attributes["non-evalue"] = "true"
        else:
            attributes["positionnement"] = self._positionnement()
        ET.SubElement(parent, "sous-domaine", attributes)

    def _parcours_and_measures(self, bilan: ET.Element) -> None:
        if self._draw.random() < 0.3:
            parcours = ET.SubElement(bilan, "liste-parcours")
            ET.SubElement(parcours, "parcours", code="PAR_CIT").text = "Participe au conseil des enfants."
        if self._draw.random() < 0.1:
            measures = ET.SubElement(bilan, "modalites-accompagnement")
            measure = ET.SubElement(measures, "modalite-accompagnement", code="PPRE")
            ET.SubElement(measure, "complement-ppre").text = "Aide en calcul, 2 × 30 minutes par semaine."

    def _bilan_cycle(self, parent: ET.Element, pupil: Pupil) -> None:
        locked_on = self._periodes[1].locked_on
        bilan = ET.SubElement(
            parent,
            "bilan-cycle",
            {
                "eleve-ref": self._ids[id(pupil)],
                "cycle": "2",
                "millesime": str(self._school_year - 1),
                "enseignant-refs": "U_1",
                "date-creation": locked_on.isoformat(),
                "date-verrou": datetime.combine(locked_on, time(12)).isoformat(),
                "directeur-ref": "D_1",
            },
        )
        socle = ET.SubElement(bilan, "socle")
        for code in SOCLE:
            ET.SubElement(socle, "domaine", code=code, positionnement=self._draw.choice("2333344"))
        ET.SubElement(bilan, "synthese").text = SUMMARY.format(name=pupil.given_name)

    def _positionnement(self) -> str:
        return self._draw.choice("12233333344")

    def _say(self, sentences: Sequence[str], pupil: Pupil) -> str:
        return self._draw.choice(sentences).format(name=pupil.given_name)
