"""Responses that are kept in a database: whichever worker or gateway gets the next request finds them at once, and
so does the one that is started again; for their owners alone, until they are deleted or their time is over. The
same over SQLite, PostgreSQL and MariaDB, each the real one."""

import contextlib

import httpx
import openai
import pytest
from conftest import KEY, configuration, openai_client
from databases import KINDS
from programs import wait_for

pytestmark = pytest.mark.timeout(300)

ROWS = "SELECT response_id FROM lintel_responses"


class World:
    """One database and two gateways on it: `two` workers, and a gateway with one."""

    def __init__(self, database, launch, url, folder):
        self.database, self.launch, self.url, self.folder = database, launch, url, folder
        self.two = self.start("two", "--num_workers", "2")
        self.one = self.start("one")

    def start(self, name, *arguments, **general):
        settings = {
            "database_url": self.database.url,
            "data_directory": str(self.folder / name),
            "thinking_memory_mb": 0,
            **general,
        }
        gateway = self.launch(configuration(self.url, general_settings=settings), *arguments, warm=False)
        wait_for(lambda: "INFO    database connected" in gateway.log(), 60, "the database connected")
        return gateway

    def rows(self):
        return {i for (i,) in self.database.query(ROWS)}


@pytest.fixture(scope="module", params=KINDS)
def world(request, database_server, launch, simulator, tmp_path_factory):
    database = database_server(request.param)
    database.create("responses")
    return World(database, launch, simulator.url, tmp_path_factory.mktemp("data"))


def ask(gateway, text, key=None, **more):
    """On a connection of its own, which may be any worker's."""
    with openai_client(gateway, api_key=key or gateway.key) as client:
        answer = client.responses.create(model="claude", input=text, stream=more.pop("stream", False), **more)
        return [e for e in answer][-1].response if isinstance(answer, openai.Stream) else answer


def get(gateway, id, key=None):
    with openai_client(gateway, api_key=key or gateway.key) as client:
        return client.responses.retrieve(id)


def delete(gateway, id, key=None):
    with openai_client(gateway, api_key=key or gateway.key) as client:
        client.responses.delete(id)


def is_gone(gateway, id, key=None):
    with contextlib.suppress(openai.NotFoundError):
        return not get(gateway, id, key)
    return True


def new_key(gateway, **fields):
    answer = httpx.post(f"http://{gateway.netloc}/key/generate", headers={"Authorization": f"Bearer {KEY}"}, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["key"]


def test_every_process_has_it_at_once(world):
    """Each turn goes to another gateway, and there to any worker."""
    answer = ask(world.two, "Turn 0. [[sim:reply(Zero.)]]")
    first = answer
    for n in range(1, 9):
        gateway = (world.one, world.two, world.two)[n % 3]
        answer = ask(gateway, f"Turn {n}.", previous_response_id=answer.id, stream=n % 2 == 0)
        assert get(world.one, answer.id).output_text == answer.output_text
    assert get(world.two, first.id).output_text == "Zero."
    assert first.id in world.rows()


def test_restart(world, simulator):
    gateway = world.start("restarted")
    answer = ask(gateway, "Before. [[sim:reply(First.)]]")
    gateway.stop()
    gateway = world.start("restarted")
    mark = simulator.mark()
    assert ask(gateway, "After. [[sim:reply(Second.)]]", previous_response_id=answer.id).output_text == "Second."
    said = str(simulator.since(mark)[-1]["body"]["messages"])
    assert "Before." in said and "First." in said
    gateway.stop()


def test_owners(world):
    """A user's, or a team's, whichever key it was; else the key's. The master key sees all."""
    user = [new_key(world.one, user_id="kept-user") for _ in range(2)]
    alone = [new_key(world.one) for _ in range(2)]
    of_user, of_key = ask(world.one, "Mine", user[0]), ask(world.one, "Mine", alone[0])
    assert get(world.two, of_user.id, user[1]).id == of_user.id
    assert ask(world.two, "On", user[1], previous_response_id=of_user.id).previous_response_id == of_user.id
    for key in alone:
        assert is_gone(world.two, of_user.id, key)
        with pytest.raises(openai.NotFoundError):
            delete(world.two, of_user.id, key)
    assert get(world.two, of_key.id, alone[0]).id == of_key.id
    for key in [alone[1], *user]:
        assert is_gone(world.two, of_key.id, key)
        with pytest.raises(openai.BadRequestError, match="not found"):
            ask(world.two, "On", key, previous_response_id=of_key.id)
    assert get(world.two, of_user.id).id == of_user.id


def test_deleting(world):
    answer = ask(world.one, "Soon gone")
    for _ in range(4):
        get(world.two, answer.id)  # now its workers remember it
    delete(world.two, answer.id)
    assert answer.id not in world.rows()
    # Those that remember it are told.
    wait_for(lambda: all(is_gone(g, answer.id) for g in (world.one, world.two, world.two, world.two)), 60, "all forgot it")


def test_not_kept(world):
    answer = ask(world.one, "Not this one", store=False)
    assert is_gone(world.one, answer.id) and answer.id not in world.rows()
    off = world.start("off", responses_in_database=False)
    answer = ask(off, "Nor this one")
    assert get(off, answer.id).id == answer.id and answer.id not in world.rows()
    off.stop()


def test_the_time_is_over(world):
    """Only this one's: the others' rows stay."""
    kept = ask(world.one, "For a day").id
    short = world.start("short", responses_ttl=1)
    gone = ask(short, "For a second").id
    wait_for(lambda: gone not in world.rows(), 60, "the row deleted")
    assert is_gone(short, gone) and kept in world.rows()
    short.stop()


def test_the_database_is_away(database_server, launch, simulator, tmp_path):
    database = database_server("postgresql")
    database.create("responses_away")
    world = World.__new__(World)
    world.database, world.launch, world.url, world.folder = database, launch, simulator.url, tmp_path
    gateway = world.start("away", database_connect_timeout=1)
    old = ask(gateway, "Before").id
    gateway.stop()
    gateway = world.start("away", database_connect_timeout=1)
    with database.away():
        answer = ask(gateway, "Meanwhile")
        assert ask(gateway, "On", previous_response_id=answer.id).status == "completed"  # out of memory
        with pytest.raises(openai.InternalServerError, match="not available") as refused:
            ask(gateway, "On", previous_response_id=old)
        assert refused.value.status_code == 503
        with pytest.raises(openai.InternalServerError, match="not available"):
            get(gateway, old)
    wait_for(lambda: "database is back" in gateway.log(), 60, "the database back")
    assert ask(gateway, "On", previous_response_id=old).status == "completed"
