"""The AWS SDK for JavaScript on bedrock-sim alone: sim_aws_sdk.mjs runs the cases, here stands what
they must find."""

import json

import pytest
from conftest import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from programs import Simulator


@pytest.fixture(scope="module")
def found(tmp_path_factory, node):
    program = Simulator(tmp_path_factory.mktemp("sim"))
    yield node("sim_aws_sdk.mjs", ENDPOINT=program.url, KEY_ID=ACCESS_KEY_ID, SECRET=SECRET_ACCESS_KEY)
    program.stop()


def test_converse(found):
    whole = found["whole"]
    assert "Grüße 🦜" in whole["output"]["message"]["content"][0]["text"]
    assert whole["stopReason"] == "end_turn" and whole["usage"]["totalTokens"] > 0
    assert len(whole["$metadata"]["requestId"]) == 36
    assert found["arn"] == whole["output"]


def test_stream(found):
    stream, whole = found["stream"], found["whole"]
    assert stream["text"] == whole["output"]["message"]["content"][0]["text"]
    assert stream["stopReason"] == "end_turn" and stream["usage"] == whole["usage"]
    assert stream["order"][0] == "messageStart"
    assert stream["order"][-3:] == ["contentBlockStop", "messageStop", "metadata"]


def test_tools(found):
    tools = found["tools"]
    assert tools["stopReason"] == "tool_use" and json.loads(tools["input"]) == {"city": "Oslo"}
    assert tools["order"].count("contentBlockStart") == 1


def test_thinking(found):
    thinking = found["thinking"]
    assert thinking["thinking"] and thinking["signature"] and thinking["text"]


def test_image(found):
    assert "1 image" in found["image"]


@pytest.mark.parametrize(
    "status, name",
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_errors(found, status, name):
    error = found["errors"][str(status)]
    assert error["name"] == name and error["status"] == status and error["message"]


def test_exceptions_in_the_stream(found):
    assert len(found["frames"]) == 5
    for name, error in found["frames"].items():
        assert error["name"].lower() == name.lower() and error["message"], found["frames"]


def test_broken_streams(found):
    assert "checksum" in found["badcrc"]["message"]
    assert found["cut"]


def test_refused_keys(found):
    assert (
        found["wrongSecret"]["name"] == "InvalidSignatureException" and found["wrongSecret"]["status"] == 403
    )
    assert found["wrongId"]["name"] == "UnrecognizedClientException" and found["wrongId"]["status"] == 403
