import pytest
from werkzeug.datastructures import MultiDict

from idp.sign_in.forms import LONGEST_IDENTIFIER, LONGEST_PASSWORD, is_malformed


@pytest.mark.parametrize(
    ("pairs", "malformed"),
    [
        ([("identifier", "c.dupont"), ("password", "Kx7mPq2w")], False),
        ([], False),
        ([("identifier", "a" * LONGEST_IDENTIFIER), ("password", "é" * LONGEST_PASSWORD)], False),
        ([("identifier", "a" * (LONGEST_IDENTIFIER + 1))], True),
        ([("password", "é" * (LONGEST_PASSWORD + 1))], True),
        ([("identifier", "a"), ("identifier", "a")], True),
        ([("password", "a\0")], True),
    ],
)
def test_in_04_a_form_that_no_browser_of_ours_sends_is_malformed(
    pairs: list[tuple[str, str]], malformed: bool
) -> None:
    assert is_malformed(MultiDict(pairs)) is malformed
