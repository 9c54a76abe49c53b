from goop2_core.viewer import session
from goop2_core.viewer.session import OneTimeTokens, Sessions, guest_of


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_token_opens_its_door_once():
    tokens = OneTimeTokens(60)
    value = tokens.issue("alice")
    assert tokens.take(value, "alice")
    assert not tokens.take(value, "alice")


def test_a_token_shown_at_another_door_is_burnt():
    tokens = OneTimeTokens(60)
    value = tokens.issue("alice")
    assert not tokens.take(value, "bob")
    assert not tokens.take(value, "alice")


def test_a_token_ends_with_its_time():
    clock = Clock()
    tokens = OneTimeTokens(60, clock)
    early, late = tokens.issue("a"), tokens.issue("a")
    clock.now += 59.9
    assert tokens.take(early, "a")
    clock.now += 0.2
    assert not tokens.take(late, "a")


def test_what_is_no_token_opens_nothing():
    tokens = OneTimeTokens(60)
    tokens.issue("a")
    for value in ("", "x", "é" * 43, "A" * 43, "\0" * 43, "A" * 1_000_000):
        assert not tokens.take(value, "a")


def test_unused_tokens_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(session, "MOST_TOKENS", 3)
    tokens = OneTimeTokens(60)
    values = [tokens.issue("a") for _ in range(5)]
    assert [tokens.take(value, "a") for value in values] == [False, False, True, True, True]


def test_sessions_are_good_at_one_door_and_the_oldest_unused_goes(monkeypatch):
    monkeypatch.setattr(session, "MOST_SESSIONS", 2)
    sessions = Sessions()
    first, second = sessions.open("a"), sessions.open("b")
    assert sessions.valid(first, "a")
    assert not sessions.valid(first, "b")
    third = sessions.open("a")  # `second` was used longest ago
    assert sessions.valid(first, "a")
    assert sessions.valid(third, "a")
    assert not sessions.valid(second, "b")
    assert not sessions.valid("", "a")


def test_guests_keep_their_name_and_do_not_show_their_secret():
    new = guest_of("")
    assert new.fresh
    assert len(new.secret) == 32
    again = guest_of(new.secret)
    assert again.id == new.id
    assert not again.fresh
    assert new.secret not in new.id
    assert new.id.startswith("guest-")
    assert guest_of("").id != new.id


def test_a_guest_cannot_choose_a_name():
    for cookie in ("admin", "A" * 32, "0" * 31, "0" * 33, "g" * 32):
        assert guest_of(cookie).fresh
