from idp.roster import rules
from idp.roster.rules import Findings, Remark


def test_a_remark_says_where_it_stands() -> None:
    assert (
        str(Remark("p.csv", 3, 6, "INE", "same INE as line 2"))
        == "p.csv, line 3, column 6 (INE): same INE as line 2"
    )
    assert (
        str(Remark("p.csv", 3, 0, "", "a quote is never closed")) == "p.csv, line 3: a quote is never closed"
    )
    assert str(Remark("p.csv", 0, 0, "", "the file is empty")) == "p.csv: the file is empty"


def test_what_is_kept_of_a_hopeless_file_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(rules, "MAXIMUM_PROBLEMS", 2)
    findings = Findings("p.csv")

    for line in range(5):
        findings.problem(line, "wrong")

    assert len(findings.problems) == 2
