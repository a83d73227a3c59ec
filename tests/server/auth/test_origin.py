"""Which requests with a cookie come from our own pages."""

from __future__ import annotations

import pytest

from whenthen_server.auth.caller import Caller
from whenthen_server.auth.keys import new_key
from whenthen_server.auth.origin import Site, demand_own_page, is_own_page
from whenthen_server.auth.sessions import no_cookie, session_cookie
from whenthen_server.problems import Forbidden

SITE = Site("127.0.0.1:5005")
OURS = "http://127.0.0.1:5005"
BROWSER = Caller("person", "u", user="u", session="s")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": OURS},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": OURS, "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_our_own_pages_may(headers: dict[str, str]) -> None:
    assert is_own_page(headers, SITE)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1.evil"},
        {"Origin": "http://127.0.0.1:5005.evil"},
        {"Origin": "http://evil/http://127.0.0.1:5005"},
        {"Origin": "http://127.0.0.1:5006"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://localhost:5005"},
        {"Origin": "https://127.0.0.1:5005"},
        {"Origin": "HTTP://127.0.0.1:5005"},
        {"Origin": "http://127.0.0.1.:5005"},
        {"Origin": "http://127.0.0.1:5005/"},
        {"Origin": f"{OURS}, {OURS}"},
        {"Origin": f"{OURS},http://evil"},
        {"Origin": f"{OURS} http://evil"},
        {"Origin": "http://user@127.0.0.1:5005"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "SAME-ORIGIN"},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Origin": OURS, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil", "Sec-Fetch-Site": "same-origin"},
        {"Referer": OURS},
    ],
    ids=str,
)
def test_others_may_not(headers: dict[str, str]) -> None:
    assert not is_own_page(headers, SITE)
    for method in ("POST", "PUT", "PATCH", "DELETE", "post", "ANYTHING"):
        with pytest.raises(Forbidden):
            demand_own_page(BROWSER, method, headers, SITE)


def test_reading_by_cookie_and_changing_by_key_need_no_page() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        demand_own_page(BROWSER, method, {}, SITE)
    demand_own_page(Caller("api_key", "k", user="u"), "POST", {}, SITE)
    demand_own_page(Caller("person", "u", user="u"), "POST", {"Origin": "http://evil"}, SITE)


def test_an_origin_that_was_allowed_by_name_may_and_its_neighbours_may_not() -> None:
    site = Site("api.example", https=True, origins=frozenset({"https://app.example"}))

    assert is_own_page({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}, site)
    assert is_own_page({"Origin": "https://api.example"}, site)
    assert not is_own_page({"Origin": "http://app.example"}, site)
    assert not is_own_page({"Origin": "https://app.example.evil"}, site)
    assert not is_own_page({"Origin": "http://api.example"}, site)


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites() -> None:
    key = new_key("ses")

    assert session_cookie(key, https=False) == (
        f"whenthen={key.text}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
    )
    assert session_cookie(key, https=True) == (
        f"__Host-whenthen={key.text}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
    )
    assert no_cookie(https=True) == "__Host-whenthen=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
