"""OpenID Connect Core 8.1."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.subject import pairwise_child, pairwise_subject

KEY = bytes(range(32))
ONE, OTHER = UUID(int=1), UUID(int=2)


def test_a_subject_is_the_same_for_ever():
    """A change here renames every person at every service."""
    assert pairwise_subject("livret.example", ONE, KEY) == "8jjAybutwvtcrQ4vukJ_P3b6nnO207xhYcU0bniFzcg"


@given(
    st.uuids(),
    st.uuids(),
    st.sampled_from(["a.example", "b.example"]),
    st.sampled_from(["a.example", "b.example"]),
)
def test_two_subjects_are_equal_only_for_one_account_at_one_sector(
    one: UUID, other: UUID, here: str, there: str
):
    equal = pairwise_subject(here, one, KEY) == pairwise_subject(there, other, KEY)

    assert equal == ((here, one) == (there, other))


def test_a_child_is_not_an_account():
    assert pairwise_child("a.example", ONE, KEY) != pairwise_subject("a.example", ONE, KEY)
    assert pairwise_child("a.example", ONE, KEY) != pairwise_child("a.example", OTHER, KEY)


def test_another_key_gives_another_subject():
    assert pairwise_subject("a.example", ONE, KEY) != pairwise_subject("a.example", ONE, bytes(32))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int):
    with pytest.raises(ValueError, match="32 bytes"):
        pairwise_subject("a.example", ONE, bytes(length))
