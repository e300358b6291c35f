"""The SDKs of Lunary, PromptLayer, Traceloop and Helicone, each telling of calls of its own.

test_callback_sdks.py runs it with the SDKs on the path and holds what they send against what the gateway
tells of the same calls. FACTS: which gateway to ask, what, and where to tell of it.
"""

import contextlib
import json
import os

facts = json.loads(os.environ["FACTS"])
os.environ["LUNARY_PUBLIC_KEY"] = "lunary-key"
os.environ["LUNARY_API_URL"] = facts["url"]
os.environ["TRACELOOP_METRICS_ENABLED"] = "false"

import httpx  # noqa: E402
import lunary  # noqa: E402
import openai  # noqa: E402
from helicone_helpers import HeliconeManualLogger  # noqa: E402
from promptlayer import PromptLayer  # noqa: E402
from traceloop.sdk import Traceloop  # noqa: E402
from traceloop.sdk.instruments import Instruments  # noqa: E402

METADATA = {"colour": "blue"}


def make(client_class=openai.OpenAI):
    return client_class(base_url=facts["gateway"] + "/v1", api_key=facts["key"], max_retries=0)


def ask(client, name, **more):
    """A chat, a stream, a failure, through a client that an SDK watches."""
    create = client.chat.completions.create
    create(**facts["chat"], user=name, **more)
    list(create(**facts["chat"], user=name, stream=True, stream_options={"include_usage": True}, **more))
    with contextlib.suppress(openai.RateLimitError):
        create(**facts["failure"], user=name, **more)


def body(name):
    """For the gateway: the SDKs keep to themselves what they are told so."""
    return {"metadata": {**METADATA, "tags": ["red"], "sdk": name}}


def with_lunary():
    client = make()
    lunary.monitor(client)
    ask(client, "lunary", user_id="lunary", tags=["red"], metadata=METADATA, extra_body=body("lunary"))


def with_promptlayer():
    watched = PromptLayer(api_key="promptlayer-key", base_url=facts["url"]).openai.OpenAI
    ask(make(watched), "promptlayer", pl_tags=["red"], extra_body=body("promptlayer"))


def with_traceloop():
    url = facts["url"] + "/traceloop"
    settings = {"disable_batch": True, "telemetry_enabled": False, "instruments": {Instruments.OPENAI}}
    Traceloop.init(app_name="litellm", api_endpoint=url, api_key="traceloop-key", **settings)
    Traceloop.set_association_properties(METADATA)
    ask(make(), "traceloop", metadata=METADATA)


def with_helicone():
    """It watches no client: it is told."""
    logger = HeliconeManualLogger(api_key="helicone-key", logging_endpoint=facts["url"])

    def answer(record):
        body = {**facts["message"], "metadata": {"user_id": "helicone"}}
        told = httpx.post(facts["gateway"] + "/v1/messages", json=body, headers={"x-api-key": facts["key"]}, timeout=60)
        record.append_results(told.json())

    logger.log_request(facts["message"], answer, {"Helicone-User-Id": "helicone"}, "anthropic")


with_lunary()
with_promptlayer()
with_helicone()
with_traceloop()
