"""ADR 0012: the plan of a rotation."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from idp.signing_keys.rules import (
    ACTIVE,
    NEW_KEY,
    PUBLISHED,
    RETIRED,
    RETIRING,
    UPCOMING,
    KeyState,
    KeyView,
    Move,
    RotationPolicy,
    plan_rotation,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
POLICY = RotationPolicy()


def key(kid: str, state: KeyState, **age: float) -> KeyView:
    return KeyView(kid, state, NOW - timedelta(**age))


def apply(keys: list[KeyView], moves: tuple[Move, ...], now: datetime) -> list[KeyView]:
    """What the moves make of the keys."""
    held = {view.kid: view for view in keys}
    for number, move in enumerate(moves):
        kid = f"{now.isoformat()} {number}" if move.kid == NEW_KEY else move.kid
        held[kid] = KeyView(kid, move.to, now)
    return list(held.values())


def test_the_first_keys_sign_and_wait():
    moves = plan_rotation([], POLICY, now=NOW)

    assert [(move.kid, move.to) for move in moves] == [(NEW_KEY, ACTIVE), (NEW_KEY, UPCOMING)]


def test_a_lone_signing_key_gets_a_successor():
    moves = plan_rotation([key("a", ACTIVE, days=1)], POLICY, now=NOW)

    assert [(move.kid, move.to) for move in moves] == [(NEW_KEY, UPCOMING)]


def test_nothing_is_due_between_rotations():
    assert plan_rotation([key("a", ACTIVE, days=89), key("b", UPCOMING, days=89)], POLICY, now=NOW) == ()


def test_a_spent_key_hands_over_and_the_next_one_is_published_in_the_same_move():
    keys = [key("a", ACTIVE, days=90), key("b", UPCOMING, days=2), key("old", RETIRING, days=2)]

    moves = plan_rotation(keys, POLICY, now=NOW)

    assert [(move.act, move.kid, move.from_state, move.to) for move in moves] == [
        ("retire", "old", RETIRING, RETIRED),
        ("relieve", "a", ACTIVE, RETIRING),
        ("promote", "b", UPCOMING, ACTIVE),
        ("create", NEW_KEY, None, UPCOMING),
    ]


def test_a_key_that_caches_have_not_seen_is_not_promoted():
    keys = [key("a", ACTIVE, days=200), key("b", UPCOMING, hours=23, minutes=59)]

    assert plan_rotation(keys, POLICY, now=NOW) == ()


def test_a_key_verifies_until_its_last_token_has_expired():
    keys = [key("a", ACTIVE, days=1), key("b", UPCOMING, days=1), key("c", RETIRING, hours=23)]

    assert plan_rotation(keys, POLICY, now=NOW) == ()


def test_a_seen_key_takes_over_when_nothing_signs():
    moves = plan_rotation([key("b", UPCOMING, days=2)], POLICY, now=NOW)

    assert [(move.kid, move.to) for move in moves] == [("b", ACTIVE), (NEW_KEY, UPCOMING)]


@given(hours=st.lists(st.integers(min_value=1, max_value=24 * 60), max_size=30))
def test_however_often_it_runs_one_key_signs_and_none_signs_unseen(hours: list[int]):
    now, keys = NOW, apply([], plan_rotation([], POLICY, now=NOW), NOW)
    for pause in hours:
        now += timedelta(hours=pause)
        before = {view.kid: view for view in keys}
        keys = apply(keys, plan_rotation(keys, POLICY, now=now), now)

        assert len([view for view in keys if view.state == ACTIVE]) == 1
        assert [view for view in keys if view.state == UPCOMING]
        for view in keys:
            if view.state == ACTIVE and before[view.kid].state == UPCOMING:
                assert now - before[view.kid].since >= POLICY.publish_for
            assert view.kid not in before or view.state not in PUBLISHED or before[view.kid].state != RETIRED
        assert plan_rotation(keys, POLICY, now=now) == ()
