"""The codes of the LSU format, and what parents read in their place. Pure data.

French words stand here as the programmes write them; templates pass them through the translations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CYCLE_2, CYCLE_3 = 2, 3
BOTH = frozenset({CYCLE_2, CYCLE_3})


@dataclass(frozen=True, slots=True)
class Discipline:
    """A domain, or a sub-domain when `under` names its domain; `cycles` are those whose programme has it."""

    label: str
    under: str = ""
    cycles: frozenset[int] = BOTH


_CYCLE_2_ALONE = frozenset({CYCLE_2})
_CYCLE_3_ALONE = frozenset({CYCLE_3})

DISCIPLINES: Mapping[str, Discipline] = {
    "FRA-RAC": Discipline("Français"),
    "FRA-LGO": Discipline("Langage oral", "FRA-RAC"),
    "FRA-LEC": Discipline("Lecture et compréhension de l’écrit", "FRA-RAC"),
    "FRA-ECR": Discipline("Écriture", "FRA-RAC"),
    "FRA-ETL": Discipline("Étude de la langue", "FRA-RAC"),
    "MAT-RAC": Discipline("Mathématiques"),
    "MAT-NBC": Discipline("Nombres et calcul", "MAT-RAC"),
    "MAT-GDM": Discipline("Grandeurs et mesures", "MAT-RAC"),
    "MAT-GEO": Discipline("Espace et géométrie", "MAT-RAC"),
    "ART-RAC": Discipline("Enseignements artistiques"),
    "ART-PLA": Discipline("Arts plastiques", "ART-RAC"),
    "ART-MUS": Discipline("Éducation musicale", "ART-RAC"),
    "ART-HAR": Discipline("Histoire des arts", "ART-RAC", _CYCLE_3_ALONE),
    "QLM-RAC": Discipline("Questionner le monde", cycles=_CYCLE_2_ALONE),
    "QLM-VMO": Discipline("Vivant, matière, objets", "QLM-RAC", _CYCLE_2_ALONE),
    "QLM-ETP": Discipline("Espace, temps", "QLM-RAC", _CYCLE_2_ALONE),
    "STC-RAC": Discipline("Sciences et technologie", cycles=_CYCLE_3_ALONE),
    "HIG-RAC": Discipline("Histoire géographie", cycles=_CYCLE_3_ALONE),
    "EPS-RAC": Discipline("Éducation physique et sportive"),
    "EMC-RAC": Discipline("Enseignement moral et civique"),
    "LGV-RAC": Discipline("Langue vivante"),
}

DISCIPLINE_ORDER: Mapping[str, int] = {name: place for place, name in enumerate(DISCIPLINES)}

POSITIONNEMENTS: Mapping[int, str] = {
    1: "Non atteints",
    2: "Partiellement atteints",
    3: "Atteints",
    4: "Dépassés",
}

POSITIONNEMENT_MEANINGS: Mapping[int, str] = {
    1: "Votre enfant ne réussit pas encore, même avec de l’aide.",
    2: "Votre enfant réussit une partie de ce qui est attendu, ou réussit avec de l’aide.",
    3: "Votre enfant réussit ce qui est attendu à ce moment de l’année.",
    4: "Votre enfant va plus loin que ce qui est attendu à ce moment de l’année.",
}

UNASSESSED = "Non évalué"

SOCLE: Mapping[str, str] = {
    "CPD_FRA": "Langue française",
    "CPD_ETR": "Langues étrangères et régionales",
    "CPD_SCI": "Langages mathématiques, scientifiques et informatiques",
    "CPD_ART": "Langages des arts et du corps",
    "MET_APP": "Méthodes et outils pour apprendre",
    "FRM_CIT": "Formation de la personne et du citoyen",
    "SYS_NAT": "Systèmes naturels et systèmes techniques",
    "REP_MND": "Représentations du monde et activité humaine",
}

SOCLE_ORDER: Mapping[str, int] = {name: place for place, name in enumerate(SOCLE)}

SOCLE_LEVELS: Mapping[int, str] = {
    0: "Dispensé",
    1: "Maîtrise insuffisante",
    2: "Maîtrise fragile",
    3: "Maîtrise satisfaisante",
    4: "Très bonne maîtrise",
}

PARCOURS: Mapping[str, str] = {
    "PAR_CIT": "Parcours citoyen",
    "PAR_ART": "Parcours d’éducation artistique et culturelle",
    "PAR_SAN": "Parcours éducatif de santé",
}

SUPPORT_MEASURES: Mapping[str, str] = {
    "PAP": "Plan d’accompagnement personnalisé (PAP)",
    "PPS": "Projet personnalisé de scolarisation (PPS)",
    "UPE2A": "Unité pédagogique pour élèves allophones arrivants (UPE2A)",
    "RASED": "Réseau d’aides spécialisées aux élèves en difficulté (RASED)",
    "ULIS": "Unité localisée pour l’inclusion scolaire (ULIS)",
    "PAI": "Projet d’accueil individualisé (PAI)",
    "PPRE": "Programme personnalisé de réussite éducative (PPRE)",
}

PERIODES: Mapping[int, tuple[str, ...]] = {
    1: ("Année entière",),
    2: ("1er semestre", "2e semestre"),
    3: ("1er trimestre", "2e trimestre", "3e trimestre"),
}

TITLES: Mapping[str, str] = {"M": "M.", "MME": "Mme"}
