"""Text messages and notifications through apprise, to a real endpoint, and notifications inside the application."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from outside.servers import Endpoint

from whenthen import ActionRefusedError, OutcomeUnknownError
from whenthen_server.services.messages import Messages
from whenthen_server.services.push import Pusher, PushSettings

# apprise 2.2 imports a module that Python 3.11 calls deprecated; it has its own for later versions.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def url(hook: Endpoint, path: str = "") -> str:
    return f"json://127.0.0.1:{hook.port}/{path}"


def test_a_text_message_reaches_the_service_with_its_recipients(hook: Endpoint) -> None:
    pusher = Pusher(PushSettings(sms=(url(hook, "{recipients}"),)))
    result = Messages(pusher=pusher).send(
        "sms", {"recipients": ["+1 (234) 567-890", "0171/2345678"], "message": "Fall!"}
    )

    assert result == {"sent": 2}
    assert hook.received[0].path == "/+1234567890/01712345678"
    assert json.loads(hook.received[0].body)["message"] == "Fall!"


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "1",
        "+12",
        "1234567890123456",
        "+1234x",
        "12345?to=1",
        "12345#",
        "12345\n",
        "\uff11" * 7,
        "{recipients}",
    ],
    ids=ascii,
)
def test_a_telephone_number_that_is_none_never_becomes_part_of_a_url(number: str, hook: Endpoint) -> None:
    pusher = Pusher(PushSettings(sms=(url(hook, "{recipients}"),)))
    with pytest.raises(ActionRefusedError, match="no telephone number"):
        Messages(pusher=pusher).send("sms", {"recipients": ["+1234567890", number], "message": "x"})

    assert hook.received == []


def test_the_second_service_is_asked_only_when_the_first_fails(hook: Endpoint) -> None:
    good = url(hook, "good/{recipients}")
    config = {"recipients": ["+1234567890"], "message": "x"}
    Messages(pusher=Pusher(PushSettings(sms=(good, url(hook, "second/{recipients}"))))).send("sms", config)
    Messages(pusher=Pusher(PushSettings(sms=("json://127.0.0.1:1/{recipients}", good)))).send("sms", config)

    assert [received.path for received in hook.received] == ["/good/+1234567890"] * 2


def test_a_text_message_that_no_service_took_is_of_unknown_outcome(hook: Endpoint) -> None:
    hook.status = 500
    pusher = Pusher(PushSettings(sms=(url(hook, "{recipients}"),)))
    with pytest.raises(OutcomeUnknownError):
        Messages(pusher=pusher).send("sms", {"recipients": ["+1234567890"], "message": "x"})


def test_a_redirect_is_not_followed(hook: Endpoint) -> None:
    hook.status, hook.headers = 307, {"Location": f"{hook.url}/elsewhere"}
    pusher = Pusher(PushSettings(sms=(url(hook, "{recipients}"),)))
    with pytest.raises(OutcomeUnknownError):
        Messages(pusher=pusher).send("sms", {"recipients": ["+1234567890"], "message": "x"})

    assert len(hook.received) == 1


def test_a_notification_is_kept_and_sent_to_every_service(hook: Endpoint) -> None:
    kept: list[Mapping[str, Any]] = []
    pusher = Pusher(PushSettings(notify=(url(hook, "one"), url(hook, "two"))))
    config = {"message": "21 °C\\n", "title": "Cellar", "level": "critical", "recipients": ["ann"]}
    result = Messages(pusher=pusher, in_app=kept.append).send("notify", config, key="k", origin={"farm": "f1"})

    assert result == {"in_app": True, "sent": 2, "failed": 0}
    whole = {"message": "21 °C\\n", "title": "Cellar", "level": "critical", "recipients": ["ann"]}
    assert kept == [{"key": "k", **whole, "origin": {"farm": "f1"}}]
    bodies = [json.loads(received.body) for received in hook.received]
    assert [(body["title"], body["message"], body["type"]) for body in bodies] == [
        ("Cellar", "21 °C\\n", "failure")
    ] * 2


def test_a_title_with_line_breaks_and_a_text_that_is_half_a_sign_do_no_harm(hook: Endpoint) -> None:
    pusher = Pusher(PushSettings(notify=(url(hook),)))
    Messages(pusher=pusher).send("notify", {"message": "x\ud800", "title": "a\r\nX-Injected: b"})

    body = json.loads(hook.received[0].body)
    assert (body["title"], body["message"]) == ("a\\r\\nX-Injected: b", "x?")


@pytest.mark.parametrize("kind", ["notify", "sms"])
def test_an_empty_message_is_refused_before_it_is_kept_or_sent(kind: str, hook: Endpoint) -> None:
    kept: list[Mapping[str, Any]] = []
    pusher = Pusher(PushSettings(notify=(url(hook),), sms=(url(hook, "{recipients}"),)))
    with pytest.raises(ActionRefusedError, match="empty"):
        Messages(pusher=pusher, in_app=kept.append).send(kind, {"recipients": ["+1234567890"], "message": " "})

    assert (kept, hook.received) == ([], [])


def test_a_notification_for_everyone_says_so() -> None:
    kept: list[Mapping[str, Any]] = []
    Messages(in_app=kept.append).send("notify", {"message": "x"})

    assert (kept[0]["recipients"], kept[0]["level"], bool(kept[0]["key"])) == (None, "info", True)


def test_a_service_that_fails_is_counted_when_the_notification_is_kept(hook: Endpoint) -> None:
    hook.status = 503
    pusher = Pusher(PushSettings(notify=(url(hook),)))

    assert Messages(pusher=pusher, in_app=lambda _: None).send("notify", {"message": "x"}) == {
        "in_app": True,
        "sent": 0,
        "failed": 1,
    }
    with pytest.raises(OutcomeUnknownError):
        Messages(pusher=pusher).send("notify", {"message": "x"})


@pytest.mark.parametrize(
    ("kind", "setting"),
    [("email", "mail.host"), ("sms", "messages.sms"), ("notify", "messages.notify"), ("fax", "fax")],
)
def test_without_settings_nothing_is_sent_and_the_missing_setting_is_named(kind: str, setting: str) -> None:
    with pytest.raises(ActionRefusedError, match=setting):
        Messages().send(kind, {"recipients": ["a@example.com"], "message": "x"})


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (PushSettings(notify=("json://127.0.0.1:1/", "hunter2://x")), r"messages\.notify\[1\]"),
        (PushSettings(notify=("hunter2",)), r"messages\.notify\[0\]"),
        (PushSettings(sms=("json://hunter2@127.0.0.1:1/",)), r"messages\.sms\[0\]"),
    ],
)
def test_a_url_that_cannot_be_used_is_named_by_its_place_and_never_shown(settings: PushSettings, where: str) -> None:
    with pytest.raises(ValueError, match=where) as caught:
        Pusher(settings)

    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(settings)


def test_apprise_is_not_imported_until_a_url_is_set() -> None:
    program = (
        "import sys; from whenthen_server.services.messages import Messages; "
        "Messages(); assert 'apprise' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
