"""Whole schools: import, letters, livrets, by the commands that operators use."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.measures import Measure, children_milliseconds
from demo import lsu, onde
from demo.folder import IDP_KEYS
from demo.people import School
from demo.schools import many_schools

SCHOOL_YEAR = 2026
LETTERS = 300


def measure(folder: Path, *, pupils: int) -> list[Measure]:
    """A large import beside the same again; letters and livrets beside starting the command."""
    school, small = many_schools(1, pupils=pupils, school_year=SCHOOL_YEAR)[0], small_school()
    environment = idp_environment(folder)
    run("idp", ["db", "upgrade"], environment)
    start = ("starting the command", run("idp", ["keys", "status"], environment))
    first = run("idp", roster_import(folder, school), environment)
    again = run("idp", roster_import(folder, school), environment)
    run("idp", roster_import(folder, small), environment)
    letters = run(
        "idp", ["letters", "print", "--school", small.uai, "-o", str(folder / "letters.pdf")], environment
    )
    return [
        Measure(f"import of {pupils} pupils", first, "file", start),
        Measure("the same files again", again, "file", ("the first import", first)),
        Measure(f"{len(small.guardians)} letters in one PDF", letters, "file", start),
        Measure("livrets of one school", livret_import(folder, small), "file", start),
    ]


def small_school() -> School:
    """One with about three hundred guardians, under another UAI than the large one's."""
    for pupils in range(100, 400, 25):
        _, school = many_schools(2, pupils=pupils, school_year=SCHOOL_YEAR)
        if len(school.guardians) >= LETTERS:
            return school
    raise SystemExit("bench: no school has so many guardians")


def roster_import(folder: Path, school: School) -> list[str]:
    """The files of a school, and the command that imports them."""
    pupils, guardians = folder / f"{school.uai}-eleves.csv", folder / f"{school.uai}-responsables.csv"
    pupils.write_bytes(onde.pupils_csv(school, onde.PLAIN))
    guardians.write_bytes(onde.guardians_csv(school, onde.PLAIN))
    return ["roster", "import", "--school", school.uai, str(pupils), str(guardians)]


def livret_import(folder: Path, school: School) -> float:
    """CPU of importing a school's bilans."""
    environment = {
        "LIVRET_PUBLIC_URL": "http://localhost:1",
        "LIVRET_DATABASE_URL": f"sqlite:///{folder / 'livret.sqlite'}",
        "LIVRET_SECRET_KEY": secrets.token_urlsafe(32),
        "LIVRET_ISSUER": "http://localhost:2",
        "LIVRET_CLIENT_ID": "livret",
        "LIVRET_CLIENT_SECRET": secrets.token_urlsafe(32),
    }
    bilans = folder / "bilans.xml"
    bilans.write_bytes(lsu.lsu_xml(school, SCHOOL_YEAR))
    run("livret", ["db", "upgrade"], environment)
    return run("livret", ["import", "--school", school.uai, str(bilans)], environment)


def idp_environment(folder: Path) -> dict[str, str]:
    """A provider of its own for the run."""
    return {
        "IDP_ISSUER": "http://localhost:1",
        "IDP_DATABASE_URL": f"sqlite:///{folder / 'idp.sqlite'}",
        "IDP_MAIL_SECURITY": "none",
        **{f"IDP_{name}": secrets.token_urlsafe(32) for name in IDP_KEYS},
    }


def run(program: str, arguments: list[str], environment: Mapping[str, str]) -> float:
    """CPU milliseconds of one command. Raises CalledProcessError when it fails."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]

    def act() -> None:
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)

    return children_milliseconds(act)
