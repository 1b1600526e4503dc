"""ADR 0012, ADR 0021: the dated plan of a rotation, and of an emergency."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.settings import Settings
from idp.signing_keys.rules import (
    ACTIVE,
    ENDED,
    NEW_KEY,
    PUBLISHED,
    RETIRED,
    RETIRING,
    UPCOMING,
    KeyState,
    KeyView,
    Move,
    Pace,
    RotationPolicy,
    SigningAlgorithm,
    due_moves,
    named_reader,
    plan_emergency,
    plan_rotation,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
POLICY = RotationPolicy()
RS256, ES256, ED25519 = SigningAlgorithm
OTHERS = (
    KeyView("es-active", ES256, ACTIVE, NOW),
    KeyView("es-upcoming", ES256, UPCOMING, NOW),
)


def key(kid: str, state: KeyState, unread_by: tuple[str, ...] | None = None, **age: float) -> KeyView:
    return KeyView(kid, RS256, state, NOW - timedelta(**age), unread_by=unread_by)


def due(
    *keys: KeyView, pace: Pace = Pace.DUE, now: datetime = NOW
) -> list[tuple[str, str, KeyState | None, KeyState]]:
    moves = due_moves(plan_rotation([*keys, *OTHERS], POLICY, pace, now=now), now=now)
    return [(move.act, move.kid, move.from_state, move.to) for move in moves]


def apply(keys: list[KeyView], moves: tuple[Move, ...], now: datetime) -> list[KeyView]:
    """What the moves make of the keys."""
    held = {view.kid: view for view in keys}
    for number, move in enumerate(moves):
        kid = f"{now.isoformat()} {number}" if move.kid == NEW_KEY else move.kid
        held[kid] = KeyView(kid, move.algorithm, move.to, now)
    return list(held.values())


def test_the_first_keys_sign_and_wait():
    moves = plan_rotation([], POLICY, now=NOW)

    assert [(move.kid, move.algorithm, move.to) for move in moves] == [
        (NEW_KEY, algorithm, state) for algorithm in (RS256, ES256) for state in (ACTIVE, UPCOMING)
    ]


def test_a_successor_is_announced_a_month_ahead_and_at_once_when_asked():
    young = key("a", ACTIVE, days=59)

    assert due(young) == []
    assert due(key("a", ACTIVE, days=60)) == [("create", NEW_KEY, None, UPCOMING)]
    assert due(young, pace=Pace.ASKED) == [("create", NEW_KEY, None, UPCOMING)]


@pytest.mark.parametrize("pace", [Pace.DUE, Pace.ASKED])
def test_nothing_is_due_between_rotations(pace: Pace):
    assert due(key("a", ACTIVE, days=89), key("b", UPCOMING, days=89), pace=pace) == []


def test_a_spent_key_hands_over_and_the_next_one_is_published_in_the_same_move():
    """oidc I6."""
    moves = due(key("a", ACTIVE, days=90), key("b", UPCOMING, days=2), key("old", RETIRING, days=2))

    assert moves == [
        ("retire", "old", RETIRING, RETIRED),
        ("relieve", "a", ACTIVE, RETIRING),
        ("promote", "b", UPCOMING, ACTIVE),
        ("create", NEW_KEY, None, UPCOMING),
    ]


@pytest.mark.parametrize(
    ("unread_by", "minutes", "is_ready"),
    [
        (None, 24 * 60 - 1, False),
        (("livret",), 24 * 60 - 1, False),
        (("livret",), 24 * 60, True),
        ((), 9, False),
        ((), 10, True),
    ],
)
def test_a_key_signs_after_every_client_fetched_it_or_the_longest_cache_age(
    unread_by: tuple[str, ...] | None, minutes: int, is_ready: bool
):
    """JK-12. Even fetched by all it waits for twice the set's age: a client may have several caches."""
    keys = key("a", ACTIVE, days=200), key("b", UPCOMING, unread_by, minutes=minutes)

    assert [bool(due(*keys, pace=pace)) for pace in Pace] == [is_ready] * 3


def test_an_early_rotation_waits_for_caches_alone():
    keys = key("a", ACTIVE, days=1), key("b", UPCOMING, hours=24)

    assert due(*keys, pace=Pace.ASKED) == []
    assert [move[0] for move in due(*keys, pace=Pace.EARLY)] == ["relieve", "promote", "create"]


def test_a_key_verifies_until_its_last_token_has_expired():
    assert due(key("a", ACTIVE), key("b", UPCOMING), key("c", RETIRING, hours=23)) == []


@pytest.mark.parametrize("hours", [1, 48])
def test_a_published_key_takes_over_when_nothing_signs(hours: int):
    moves = due(key("b", UPCOMING, hours=hours))

    assert moves == [("promote", "b", UPCOMING, ACTIVE), ("create", NEW_KEY, None, UPCOMING)]


def test_each_algorithm_turns_by_itself_and_one_that_nobody_chose_not_at_all():
    spent = KeyView("ed-a", ED25519, ACTIVE, NOW - timedelta(90))
    ready = KeyView("ed-b", ED25519, UPCOMING, NOW - timedelta(2))
    resting = key("a", ACTIVE), key("b", UPCOMING)

    assert due(*resting) == []
    assert [move[1] for move in due(*resting, spent, ready)] == ["ed-a", "ed-b", NEW_KEY]


def test_the_plan_tells_a_whole_turn_with_its_dates():
    plan = [
        move
        for move in plan_rotation([key("a", ACTIVE), *OTHERS], POLICY, now=NOW)
        if move.algorithm is RS256
    ]

    assert [(move.act, (move.due_at - NOW).days) for move in plan] == [
        ("create", 60), ("relieve", 90), ("promote", 90), ("create", 90), ("retire", 91),
    ]  # fmt: skip


@given(steps=st.lists(st.tuples(st.integers(1, 24 * 60), st.sampled_from(Pace), st.booleans()), max_size=30))
def test_however_often_it_runs_one_key_signs_and_none_signs_unseen(steps: list[tuple[int, Pace, bool]]):
    now, keys = NOW, apply([], plan_rotation([], POLICY, now=NOW), NOW)
    for hours, pace, is_read in steps:
        now += timedelta(hours=hours)
        keys = [
            KeyView(k.kid, k.algorithm, k.state, k.since, unread_by=() if is_read else None) for k in keys
        ]
        before = {view.kid: view for view in keys}
        keys = apply(keys, due_moves(plan_rotation(keys, POLICY, pace, now=now), now=now), now)

        for algorithm in (RS256, ES256):
            states = [view.state for view in keys if view.algorithm == algorithm]
            assert (states.count(ACTIVE), states.count(UPCOMING)) == (1, 1)
        for view in keys:
            if view.state == ACTIVE and before[view.kid].state == UPCOMING:
                wait = POLICY.read_by_all_for if is_read else POLICY.publish_for
                assert now - before[view.kid].since >= wait
            assert view.kid not in before or view.state not in PUBLISHED or before[view.kid].state != RETIRED
        assert due_moves(plan_rotation(keys, POLICY, pace, now=now), now=now) == ()


def test_the_times_fit_each_other():
    """The key set's age is at most half of any overlap, and a key outlives its tokens."""
    overlaps = (POLICY.read_by_all_for, POLICY.publish_for, POLICY.verify_for)
    longest_token = max(
        limit.le
        for name in ("id_token_seconds", "access_token_seconds")
        for limit in Settings.model_fields[name].metadata
        if hasattr(limit, "le")
    )

    assert all(2 * POLICY.max_age <= overlap for overlap in overlaps)
    assert POLICY.verify_for > timedelta(seconds=longest_token) + 2 * POLICY.max_age
    assert POLICY.announce_for >= POLICY.publish_for


def emergency(kid: str, *keys: KeyView) -> list[tuple[str, str, KeyState]]:
    return [(move.act, move.kid, move.to) for move in plan_emergency(keys, kid, POLICY, now=NOW)]


def test_an_emergency_ends_the_key_and_a_published_successor_signs():
    assert emergency("a", key("a", ACTIVE), key("b", UPCOMING, hours=1), *OTHERS) == [
        ("end", "a", ENDED), ("promote", "b", ACTIVE), ("create", NEW_KEY, UPCOMING),
    ]  # fmt: skip


def test_an_emergency_without_a_successor_creates_one():
    assert emergency("a", key("a", ACTIVE), *OTHERS) == [
        ("end", "a", ENDED), ("create", NEW_KEY, ACTIVE), ("create", NEW_KEY, UPCOMING),
    ]  # fmt: skip


def test_an_emergency_of_a_key_that_does_not_sign_leaves_the_signing_one():
    keys = key("a", ACTIVE), key("b", UPCOMING), key("c", RETIRING), key("d", RETIRED), key("e", ENDED)

    assert emergency("b", *keys) == [("end", "b", ENDED), ("create", NEW_KEY, UPCOMING)]
    assert [emergency(kid, *keys) for kid in "cd"] == [[("end", kid, ENDED)] for kid in "cd"]
    assert emergency("e", *keys) == []


def test_the_reason_says_whether_caches_have_seen_the_successor():
    unseen, seen = (
        plan_emergency([key("a", ACTIVE), key("b", UPCOMING, hours=hours)], "a", POLICY, now=NOW)[1].reason
        for hours in (1, 24)
    )

    assert unseen == "no other key signs; some caches have not seen this one"
    assert seen == "no other key signs; every cache has seen this one"


@pytest.mark.parametrize(
    ("asked", "user_agent", "name"),
    [
        (None, "python-requests/2.32", None),
        (None, "livret (client_id=livret)", "livret"),
        (None, "livret (client_id=caf%C3%A9%20%2F)", "café /"),
        ("portail", "", "portail"),
        ("portail", "livret (client_id=livret)", "portail"),
        ("", "", None),
        ("x" * 101, "", None),
        ("a\nb", "", None),
        (None, "(client_id=%00)", None),
        (None, "(client_id=" + "%20" * 101 + ")", None),
    ],
)
def test_a_client_names_itself_in_the_address_or_the_user_agent(
    asked: str | None, user_agent: str, name: str | None
):
    assert named_reader(asked, user_agent) == name
