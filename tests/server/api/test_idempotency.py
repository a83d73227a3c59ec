"""A POST with a key: done once, answered as often as it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from standin.parts import StandIn
from standin.rooms import Rooms

from whenthen_server.api.idempotency import Kept, MemoryIdempotencyStore, begin_once
from whenthen_server.problems import Conflict

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


def test_sent_again_it_is_answered_again_and_done_once(owner: FlaskClient, rooms: Rooms) -> None:
    first = owner.post("/api/rooms", json={"name": "a", "beds": 1}, headers=KEY)
    again = owner.post("/api/rooms", json={"beds": 1, "name": "a"}, headers=KEY)

    assert rooms.made == 1
    assert (again.status_code, again.data) == (first.status_code, first.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_another_request_under_the_same_key_is_refused(owner: FlaskClient, rooms: Rooms) -> None:
    owner.post("/api/rooms", json={"name": "a"}, headers=KEY)
    other = owner.post("/api/rooms", json={"name": "b"}, headers=KEY)

    assert other.status_code == 422
    assert other.json is not None
    assert other.json["code"] == "idempotency_key_reused"
    assert rooms.made == 1


def test_keys_of_two_callers_have_nothing_to_do_with_each_other(app_of: Any, rooms: Rooms) -> None:
    client = app_of().test_client()
    for who in ("owner", "device"):
        answer = client.post("/api/rooms", json={"name": "a"}, headers={**KEY, "Authorization": f"Bearer {who}"})
        assert "Idempotency-Replayed" not in answer.headers

    assert rooms.made == 2


def test_after_a_day_the_key_is_free_again(owner: FlaskClient, parts: StandIn, rooms: Rooms) -> None:
    owner.post("/api/rooms", json={"name": "a"}, headers=KEY)
    parts.clock.turn(seconds=24 * 3600)
    owner.post("/api/rooms", json={"name": "a"}, headers=KEY)
    assert rooms.made == 1
    parts.clock.turn(seconds=1)
    owner.post("/api/rooms", json={"name": "b"}, headers=KEY)

    assert rooms.made == 2


def test_what_was_refused_may_be_sent_again(owner: FlaskClient, rooms: Rooms) -> None:
    assert owner.post("/api/rooms", json={"name": "taken"}, headers=KEY).status_code == 409
    assert owner.post("/api/rooms", json={"name": "taken"}, headers=KEY).status_code == 409
    assert owner.post("/api/rooms", json={"nmae": "x"}, headers=KEY).status_code == 422

    assert rooms.made == 2


def test_what_broke_half_way_is_not_done_again_because_nobody_knows_how_far_it_came(
    owner: FlaskClient, rooms: Rooms
) -> None:
    assert owner.post("/api/rooms", json={"name": "broken"}, headers=KEY).status_code == 500
    again = owner.post("/api/rooms", json={"name": "broken"}, headers=KEY)

    assert (again.status_code, rooms.made) == (409, 1)
    assert again.headers["Retry-After"] == "1"


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "é"])
def test_a_key_that_is_none_is_refused(owner: FlaskClient, key: str) -> None:
    response = owner.post("/api/rooms", json={"name": "a"}, headers={"Idempotency-Key": key})

    assert response.status_code == 400


def test_a_key_says_nothing_on_other_methods(owner: FlaskClient, rooms: Rooms) -> None:
    for name in ("a", "b"):
        assert owner.put("/api/rooms/1", json={"name": name}, headers=KEY).status_code == 200

    assert rooms.version == 3


def begin(store: MemoryIdempotencyStore, key: str) -> Any:
    return begin_once(store, key, caller="a", request=b"POST", now_us=0, keep_us=1)


def test_the_second_of_two_at_once_is_told_to_wait() -> None:
    store = MemoryIdempotencyStore(most=10)
    begin(store, "k")

    with pytest.raises(Conflict):
        begin(store, "k")


def test_memory_is_bounded_and_large_answers_are_not_kept() -> None:
    store = MemoryIdempotencyStore(most=10)
    for number in range(1000):
        begin(store, str(number)).finished(200, (), b"x" * 2_000_000)

    assert len(store._kept) == 10
    assert all(kept.body == b"" for kept in store._kept.values())
    assert isinstance(next(iter(store._kept.values())), Kept)
