"""/openapi.json, /routes and /docs: every route, as a valid document, and open to everybody."""

import httpx
import pytest
from conftest import KEY, configuration
from openapi_spec_validator import validate


@pytest.fixture(scope="module")
def root(launch, simulator):
    return launch(configuration(simulator.url), warm=False).base_url.removesuffix("/v1")


@pytest.fixture(scope="module")
def document(root):
    answer = httpx.get(root + "/openapi.json")
    assert answer.status_code == 200 and KEY not in answer.text
    return answer.json()


def operations(document):
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_the_document_is_valid(document):
    validate(document)
    assert document["openapi"] == "3.1.0"
    ids = [one["operationId"] for _, _, one in operations(document)]
    assert len(ids) == len(set(ids))


def test_the_list_of_routes_says_the_same(root, document):
    listed = {(one["path"], one["methods"][0].lower()) for one in httpx.get(root + "/routes").json()["routes"]}
    assert listed == {(path, method) for path, method, _ in operations(document)}


def test_every_route_is_there_and_asks_who_calls(root, document):
    with httpx.Client(base_url=root) as client:
        for path, method, one in operations(document):
            answer = client.request(method, path.replace("{model}", "none").replace("{item}", "none"))
            if "security" not in one:
                assert answer.status_code == 401, (path, method, answer.text)
            else:
                assert answer.status_code != 405, (path, method, answer.text)


def test_bodies_say_what_can_be_set(document):
    def members(path, method="post"):
        return document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["properties"]

    assert members("/key/generate")["max_budget"] == {"type": "number"}
    assert members("/key/generate")["models"]["items"] == {"type": "string"}
    assert members("/team/new").keys() > {"team_alias", "members_with_roles", "model_rpm_limit"}
    assert members("/end_user/new").keys() >= members("/customer/new").keys() > {"user_id", "alias", "blocked"}
    retries = members("/config/update")["router_settings"]["properties"]["num_retries"]
    assert retries["anyOf"][0] == {"type": "integer"} and retries["description"]


def test_the_page(root):
    page = httpx.get(root + "/docs")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    other = httpx.get(root + "/redoc")
    assert other.status_code == 307 and other.headers["location"] == "docs"
