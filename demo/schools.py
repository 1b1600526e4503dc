"""The two schools of the demo: ordinary families, and one of each kind that needs care."""

from demo.people import Guardian, Inventor, Pupil, School

UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
SIXTY_LETTERS = "MONTMORENCYBEAUREGARDHAUTERIVECHATEAUNEUFVILLEFRANCHEROCHERS"
PUPILS_A_CLASS = 7
LIVRET_ABSENT_FAMILY = "SANSLIVRET"

# The kinds that the demo looks up again once everything is imported.
ACTIVE = "active with email and phone"
DISABLED = "disabled"


def uai(number: int) -> str:
    """A school's identifier with its check letter; 099 is no département's."""
    digits = f"099{number:04d}"
    return digits + UAI_LETTERS[int(digits) % len(UAI_LETTERS)]


def demo_schools(school_year: int) -> tuple[School, School]:
    """The schools of that year (2026: from September 2026 on), the same ones each time."""
    large = School(
        uai(101),
        "École élémentaire des Tilleuls",
        "03 53 01 01 01",
        "direction@tilleuls.example",
        ("MME", "VALMORANT", "Sabine"),
    )
    small = School(
        uai(102),
        "École primaire du Lac",
        "03 53 01 01 02",
        "direction@lac.example",
        ("M", "TERVILLIERS", "Hugues"),
    )
    inventor = Inventor("tilleuls", school_year=school_year)
    classes = {
        label: _fill(large, inventor, level, label, 410100 + place)
        for place, (level, label) in enumerate(
            [("CP", "CP A"), ("CE1", "CE1-CE2"), ("CE2", "CE2 B"), ("CM1", "CM1"), ("CM2", "CM2")]
        )
    }
    lake = Inventor("lac", school_year=school_year)
    _fill(small, lake, "CP", "CP-CE1", 420200)
    _fill(small, lake, "CM1", "CM1-CM2", 420201)
    _add_families_of_every_kind(
        large, small, inventor, {label: pupil.class_id for label, pupil in classes.items()}
    )
    return large, small


def many_schools(count: int, *, pupils: int, school_year: int) -> list[School]:
    """Schools of ordinary families, for measures: `pupils` in each, in classes of 25."""
    return [_ordinary_school(number, pupils, school_year) for number in range(count)]


def _ordinary_school(number: int, pupils: int, school_year: int) -> School:
    name = f"École de mesure {number}"
    school = School(
        uai(1000 + number), name, "03 53 01 00 00", "direction@mesure.example", ("MME", "MESURE", "Anne")
    )
    inventor = Inventor(name, school_year=school_year)
    for place in range(0, pupils, 25):
        level = ("CP", "CE1", "CE2", "CM1", "CM2")[place // 25 % 5]
        _fill(
            school, inventor, level, f"{level} {place // 25}", 500_000 + place, size=min(25, pupils - place)
        )
    return school


def _fill(
    school: School, inventor: Inventor, level: str, label: str, class_id: int, *, size: int = PUPILS_A_CLASS
) -> Pupil:
    """A class of ordinary families, each of two parents or one; returns its first pupil."""
    taken = {(pupil.family_name, pupil.given_name, pupil.class_label) for pupil in school.pupils}
    added: list[Pupil] = []
    while len(added) < size:
        pupil = inventor.pupil(level, label, class_id)
        if (names := (pupil.family_name, pupil.given_name, label)) in taken:
            pupil.given_name += f"-{pupil.family_name.capitalize()[:4]}{len(added)}"
            names = (pupil.family_name, pupil.given_name, label)
        taken.add(names)
        added.append(pupil)
        couple = inventor.couple(pupil)
        school.guardians += couple if inventor.chance(0.75) else couple[:1]
    school.pupils += added
    return added[0]


def _add_families_of_every_kind(
    large: School, small: School, inventor: Inventor, class_ids: dict[str, int]
) -> None:
    def child(level: str, label: str, family_name: str, given_name: str, **known: object) -> Pupil:
        pupil = inventor.pupil(
            level, label, class_ids[label], family_name=family_name, given_name=given_name, **known
        )
        large.pupils.append(pupil)
        return pupil

    def parent(kind: str, *children: Pupil, **known: object) -> Guardian:
        guardian = inventor.guardian(*children, kind=kind, **known)
        large.guardians.append(guardian)
        return guardian

    mother = {"title": "MME"}
    father = {"title": "M."}

    lea = child("CE2", "CE2 B", "MARCHANDEAU", "Léa", sex="F")
    tom = child("CP", "CP A", "MARCHANDEAU", "Tom", sex="M")
    parent("two children in one school", lea, tom, given_name="Céline", **mother)

    sami = child("CE2", "CE2 B", "BENALIOU", "Sami", sex="M")
    parent(ACTIVE, sami, given_name="Karim", email="karim.benaliou@famille.example", **father)

    nine = child("CE2", "CE2 B", "N'GUYENNE", "Maël", sex="M", usage_name="LEROYER N'GUYENNE")
    parent("separated parents, apostrophe", nine, given_name="Paul", **father)
    parent("separated parents", nine, family_name="LEROYER", given_name="Sophie", **mother)

    ada = child("CM1", "CM1", "TRICORNE", "Ada", sex="F")
    parent("three guardians", ada, given_name="Irène", **mother)
    parent("three guardians", ada, given_name="Marc", **father)
    parent(
        "three guardians, an institution",
        ada,
        family_name="SERVICE DE L’ENFANCE DU LAC",
        given_name="",
        title="",
        mobile="",
    )

    alone = child("CM2", "CM2", LIVRET_ABSENT_FAMILY, "Lison", sex="F", has_livret=False)
    parent("child without livret", alone, given_name="Maud", **mother)
    no_ine = child("CP", "CP A", "ESTAMPILLE", "Enzo", sex="M", ine="")
    parent("child without INE", no_ine, given_name="Jean", **father)

    particle = child("CE1", "CE1-CE2", "DE LA BROSSEDURE", "Aliénor", sex="F")
    parent("particle", particle, given_name="Guy", **father)
    apostrophe = child("CE2", "CE1-CE2", "D'HERBOMAISON", "Colin", sex="M")
    parent("apostrophe", apostrophe, given_name="Anne-Lise", **mother)
    accent = child("CM1", "CM1", "LÉVÊQUE-ŒILLARD", "Zoé", sex="F")
    parent("accent", accent, given_name="Françoise", **mother)
    long_name = child("CM2", "CM2", SIXTY_LETTERS, "Max", sex="M")
    parent("60 letters", long_name, given_name="Éléonore", **mother)

    left = child("CM2", "CM2", "FERMETURE", "Basile", sex="M")
    parent(DISABLED, left, given_name="Odette", **mother)

    # One person whom the files cannot tell to be one: two names, two addresses, no child in common.
    first = child("CP", "CP A", "DIALLOUX", "Aminata", sex="F")
    second = child("CM1", "CM1", "DIALLOUX", "Issa", sex="M")
    parent("two accounts of one person", first, given_name="Fatou", **mother)
    parent(
        "two accounts of one person", second, given_name="Fatou", usage_name="MARTINELLE", mobile="", **mother
    )

    _add_siblings_in_two_schools(large, small, inventor, class_ids["CE2 B"])


def _add_siblings_in_two_schools(large: School, small: School, inventor: Inventor, class_id: int) -> None:
    elder = inventor.pupil("CE2", "CE2 B", class_id, family_name="D’ASSOUVILLE", given_name="Rose", sex="F")
    younger = inventor.pupil("CP", "CP-CE1", 420200, family_name="D’ASSOUVILLE", given_name="Jules", sex="M")
    for school, pupil in ((large, elder), (small, younger)):
        school.pupils.append(pupil)
        school.guardians.append(
            inventor.guardian(
                pupil,
                given_name="Hélène",
                title="MME",
                kind="siblings in two schools",
                email="helene.dassouville@famille.example",
            )
        )
