"""The Responses API through the OpenAI SDK for Node: openai_responses.mjs runs the cases, here stands what
they must find."""

import pytest


@pytest.fixture(scope="module")
def found(gateway, node):
    return node("openai_responses.mjs", BASE_URL=gateway.base_url, API_KEY=gateway.key)


def test_tool_loops(found):
    assert found["loops"] == [["Grüße 🦜", "Night."]] * 2 + [["Grüße 🦜", "Grüße 🦜"]] * 2


def test_events(found):
    once = [kind for i, kind in enumerate(found["events"]) if kind != found["events"][i - 1]]
    assert [kind.removeprefix("response.") for kind in once] == [
        *("created", "in_progress", "output_item.added"),
        *("reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done"),
        *("reasoning_summary_part.done", "output_item.done", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed"),
    ]


def test_parsed(found):
    assert found["parsed"]["sky"] == "clear"


def test_refused(found):
    assert [r["name"] for r in found["refused"]] == ["RateLimitError", "NotFoundError", "APIError"]
    assert [r.get("status") for r in found["refused"][:2]] == [429, 404]
