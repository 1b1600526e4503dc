"""What a roster says, once read: pupils, guardians, and what is wrong with the files. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from idp.accounts.rules import Person, fold_name
from idp.audit.rules import AuditEvent

MAXIMUM_PROBLEMS = 10_000
"""More are not kept: a file with that many is another file."""

NameKey = tuple[str, str]
ClassKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to say about a file, where it stands.

    line: of the file itself, from 1, counting line breaks inside cells; 0 means the whole file.
    column: from 1, with its name; 0 means the whole line.
    """

    file: str
    line: int
    column: int
    column_name: str
    reason: str

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "")
        if self.column:
            place += f", column {self.column}" + (f" ({self.column_name})" if self.column_name else "")
        return f"{place}: {self.reason}"


@dataclass(slots=True)
class Findings:
    """What reading one file found: problems refuse it, notices only tell."""

    file: str
    problems: list[Remark] = field(default_factory=list)
    notices: list[Remark] = field(default_factory=list)

    def problem(self, line: int, reason: str, column: int = 0, column_name: str = "") -> None:
        if len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(Remark(self.file, line, column, column_name, reason))

    def notice(self, line: int, reason: str, column: int = 0, column_name: str = "") -> None:
        self.notices.append(Remark(self.file, line, column, column_name, reason))


@dataclass(frozen=True, slots=True)
class ChildDetails:
    """What a roster says of a child. `ine` and `level` are None where it is silent; `sex` is M, F or empty."""

    family_name: str
    usage_name: str
    given_name: str
    birth_date: date
    sex: str
    ine: str | None
    level: str | None
    class_label: str
    class_id: str

    @property
    def name_key(self) -> NameKey:
        return fold_name(self.family_name), fold_name(self.given_name)

    @property
    def class_key(self) -> ClassKey:
        """What guardians' rows name a child by."""
        return *self.name_key, fold_name(self.class_label)

    @property
    def label(self) -> str:
        """For the operator who imports."""
        return f"{self.usage_name or self.family_name} {self.given_name}".strip()


@dataclass(frozen=True, slots=True)
class Pupil:
    """One line of the pupils' file."""

    line: int
    details: ChildDetails


@dataclass(frozen=True, slots=True)
class ChildReference:
    """How a guardian's line names one child: by names and class. `column` is where the names begin."""

    column: int
    key: ClassKey


@dataclass(frozen=True, slots=True)
class GuardianDetails:
    """What a roster says of a guardian. `phone` is E.164 or empty; `address` has one line per part."""

    person: Person
    email: str = ""
    phone: str = ""
    address: str = ""

    @property
    def name_key(self) -> NameKey:
        return fold_name(self.person.family_name), fold_name(self.person.given_name)

    @property
    def address_key(self) -> str:
        return fold_name(self.address)

    @property
    def label(self) -> str:
        """For the operator who imports."""
        return f"{self.person.shown_family_name} {self.person.given_name}".strip()


@dataclass(frozen=True, slots=True)
class GuardianRow:
    """One line of the guardians' file."""

    line: int
    details: GuardianDetails
    children: tuple[ChildReference, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """Both files, read without a problem. `preschool` names the pupils of TPS to GS, who are not imported."""

    pupils: Sequence[Pupil]
    preschool: Sequence[ClassKey]
    guardians: Sequence[GuardianRow]
    notices: Sequence[Remark]


@dataclass(frozen=True, slots=True)
class RosterImported(AuditEvent):
    """A school's roster was imported and changed something."""

    name: ClassVar[str] = "roster:school:imported"
    new_children: int
    leaving_children: int
    new_guardians: int
    detached_links: int
