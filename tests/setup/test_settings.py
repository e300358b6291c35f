"""Packages, build, .env and the search for the configuration, against stub programs."""

import json
import re
import shutil
import stat

import pytest
from conftest import ROOT

REAL = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}


# ---- .env ---------------------------------------------------------------------------------------


def test_env_file_is_made_private_with_a_random_key(tree):
    tree.run("start", **REAL)
    file = tree.path / ".env"
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "sk-litellm-test-key" not in text and 'CONFIG_FILE="default_config.yml"' in text
    redis, salt = (re.search(rf'^{name}="([0-9a-f]{{64}})"$', text, re.M)[1] for name in ("REDIS_AUTH", "SALT"))
    assert redis != salt and "# random" not in text
    tree.run("restart", **REAL)
    assert file.read_text() == text


def test_environment_wins_over_env_file(tree):
    (tree.path / ".env").write_text("LITELLM_MASTER_KEY=sk-of-the-file\nAWS_ACCESS_KEY_ID=AKIAFILE\n")
    tree.run("start", LITELLM_MASTER_KEY="sk-of-the-environment")
    assert "LITELLM_MASTER_KEY=sk-of-the-environment" in tree.started_with()
    assert "AWS_ACCESS_KEY_ID=AKIAFILE" in tree.started_with()


@pytest.mark.parametrize(
    "written, meant",
    [
        ("sk-plain", "sk-plain"),
        ("sk-plain   # a comment", "sk-plain"),
        ("sk#hash", "sk#hash"),
        ("'sk single # \"quoted\"' # comment", 'sk single # "quoted"'),
        ('"sk \\"double\\" \\\\ \\$x"', 'sk "double" \\ $x'),
        ("$(touch evaluated)`touch evaluated`$HOME", "$(touch evaluated)`touch evaluated`$HOME"),
        ("  sk-blanks  ", "sk-blanks"),
        ("sk-windows\r", "sk-windows"),
        ("a=b=c", "a=b=c"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "export ", "  "])
def test_env_file_values(tree, prefix, written, meant):
    (tree.path / ".env").write_text(f"# first\n\n{prefix}LITELLM_MASTER_KEY={written}\n", newline="")
    done = tree.run("start", **REAL)
    assert tree.started_with().endswith(f" LITELLM_MASTER_KEY={meant}"), done.stderr
    assert not list(tree.path.rglob("evaluated"))


def test_env_file_names_its_bad_lines_and_protects_the_shell(tree):
    (tree.path / ".env").write_text(
        "what is this\nKEY='open\nUID=7\nML_ROOT=/nowhere\nIFS=x\nLITELLM_MASTER_KEY=sk-last"
    )
    done = tree.run("start", **REAL)
    assert done.returncode == 0
    assert ".env:1:" in done.stderr and ".env:2:" in done.stderr and ".env:3:" not in done.stderr
    assert "LITELLM_MASTER_KEY=sk-last" in tree.started_with()


def test_host_and_port_of_env_file(tree):
    (tree.path / ".env").write_text(f"HOST=0.0.0.0\nPORT={tree.port}\n")
    done = tree.run("start", PORT=None, **REAL)
    assert f"--host 0.0.0.0 --port {tree.port}" in tree.started_with()
    assert "none is asked for" in done.stdout and "Authorization" not in done.stdout


@pytest.mark.parametrize(
    "line, key",
    [
        ("master_key: sk-in-config", "sk-in-config"),
        ("master_key: 'sk-quoted' # why", "sk-quoted"),
        ("master_key: os.environ/OTHER_KEY", "sk-other"),
    ],
)
def test_key_of_the_configuration_is_the_one_told(tree, line, key):
    tree.config("key.yml", f"model_list: []\ngeneral_settings:\n  alerting: []\n  {line}\n")
    done = tree.run("start", "-c", "key.yml", OTHER_KEY="sk-other", **REAL)
    assert f"Authorization: Bearer {key}'" in done.stdout


# ---- which configuration ------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["other.yml", "other", "conf/other.yml", "{path}/conf/other.yml"])
@pytest.mark.parametrize("first", [True, False])
def test_config_before_or_after_the_command(tree, wanted, first):
    tree.config("other.yml")
    option = ["-c", wanted.format(path=tree.path)]
    done = tree.run(*(option + ["start"] if first else ["start"] + option), **REAL)
    assert done.returncode == 0, done.stderr
    assert f"--config {tree.path}/conf/other.yml " in tree.started_with()


def test_config_file_of_env_file_is_the_default(tree):
    tree.config("iam_role_config.yml")
    (tree.path / ".env").write_text('CONFIG_FILE="iam_role_config.yml"\n')
    tree.run("start", **REAL)
    assert "conf/iam_role_config.yml" in tree.started_with()


def test_path_beside_the_caller(tree):
    (tree.path / "elsewhere" / "mine.yaml").write_text("model_list: []\n")
    tree.run("start", "--config", "./mine.yaml", **REAL)
    assert "elsewhere/mine.yaml" in tree.started_with()


def test_unknown_config_names_the_known_ones(tree):
    tree.config("other.yml")
    done = tree.run("start", "-c", "gone.yml")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "gone.yml" in done.stderr and "default_config.yml other.yml" in done.stderr


# ---- packages and build -------------------------------------------------------------------------


@pytest.fixture
def bare(tree):
    """A tree that has to be built, on a machine that lacks meson until apt-get brings it."""
    (tree.path / "meson.build").write_text("project('stub')\n")
    tools = "bash sh env id grep tail sed cat mkdir rm mv chmod dirname basename readlink flock setsid stat od tr"
    tools += " awk curl sleep timeout touch head ls cp"
    for tool in tools.split():
        (tree.path / "bin" / tool).symlink_to(shutil.which(tool))
    for tool in ("gcc", "ninja"):
        tree.shell(f"bin/{tool}", "echo ran $0 $* >&2")
    tree.shell("bin/pkg-config", "exit 0")
    tree.shell("bin/apt-cache", "echo Package: $3")
    # The file rows of packages.sh look at the real machine, which builds Lintel anyway.
    tree.env["PATH"] = f"{tree.path}/bin"
    tree.apt = tree.path / "apt.calls"
    return tree


# What a stub meson does.
MESON = 'mkdir -p "$2" && touch "$2/build.ninja"'


def bringing_meson(tree):
    """Shell text of a stub apt-get that installs a stub meson."""
    tree.shell("meson-to-be", MESON)
    return f"cp {tree.path}/meson-to-be {tree.path}/bin/meson"


def test_missing_package_is_installed_and_named(bare):
    bare.shell("bin/apt-get", f"echo $* >> {bare.apt}; {bringing_meson(bare)}")
    done = bare.run("start", **REAL)
    assert done.returncode == 0, done.stderr
    assert "Installing: meson\n" in done.stdout
    calls = bare.apt.read_text().splitlines()
    assert len(calls) == 1 and calls[0].endswith(" install meson"), "no update when the package is known"
    assert "ran" in (bare.path / "run/build.log").read_text()


def test_nothing_missing_nothing_installed(bare):
    bare.shell("bin/meson", MESON)
    bare.shell("bin/apt-get", f"echo $* >> {bare.apt}")
    assert bare.run("build").returncode == 0
    assert not bare.apt.exists()


def test_stale_lists_are_updated_and_tried_again(bare):
    bare.shell(
        "bin/apt-get",
        f"""echo $* >> {bare.apt}
        case $* in
        *update) touch {bare.path}/updated ;;
        *) [ -e {bare.path}/updated ] || {{ echo 'E: 404 Not Found'; exit 100; }}
           {bringing_meson(bare)} ;;
        esac""",
    )
    assert bare.run("build").returncode == 0
    assert [line.split()[-1] for line in bare.apt.read_text().splitlines()] == ["meson", "update", "meson"]


def test_package_that_cannot_be_installed(bare):
    bare.shell("bin/apt-get", "echo 'E: Unable to locate package meson'; exit 100")
    done = bare.run("start", **REAL)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "cannot install meson (E: Unable to locate package meson)" in done.stderr
    assert bare.pid() is None


def test_machine_without_apt(bare):
    done = bare.run("start", **REAL)
    assert done.returncode == 1 and "no apt-get" in done.stderr and "meson" in done.stderr


def test_failed_build_names_the_error(bare):
    bare.shell("bin/meson", MESON)
    bare.shell("bin/ninja", "echo '[1/2] cc'; echo 'x.c:3:1: error: no such thing'; exit 1")
    done = bare.run("start", **REAL)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "x.c:3:1: error: no such thing" in done.stderr
    assert bare.pid() is None


def test_failed_configure_starts_afresh_once(bare):
    bare.shell("bin/meson", f"[ \"$2\" = --wipe ] || exit 1; shift; {MESON}")
    assert bare.run("build").returncode == 0


def test_lock_file_names_no_registry():
    lock = json.loads((ROOT / "tests/integration/package-lock.json").read_text())
    assert len(lock["packages"]) > 1
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


# ---- sources that Debian 12 does not package --------------------------------------------------------


def test_an_interrupted_fetch_is_made_good(tree):
    """What looks finished is: a folder without its meson.build is fetched again, the other one stays."""
    folder = tree.path / "subprojects"
    shutil.copytree(ROOT / "subprojects/packagefiles", folder / "packagefiles")
    shutil.copy2(ROOT / "subprojects/fetch.sh", folder)
    (folder / "llhttp").mkdir()
    (folder / "llhttp/llhttp.c").write_text("half")
    shutil.copytree(folder / "packagefiles/yyjson", folder / "yyjson")
    (folder / "yyjson/yyjson.c").write_text("kept")
    tree.shell("bin/apt-get", ": >node-llhttp_1_all.deb")
    tree.shell(
        "bin/dpkg-deb",
        'cd "$3" 2>/dev/null || { mkdir -p "$3" && cd "$3"; }\n'
        "mkdir -p usr/share/llhttp usr/share/include/llhttp\n"
        "for f in llhttp/llhttp.c llhttp/api.c llhttp/http.c include/llhttp/llhttp.h; do echo whole >usr/share/$f; done",
    )
    done = tree.run(script="subprojects/fetch.sh")
    assert done.returncode == 0, done.stderr
    assert (folder / "llhttp/llhttp.c").read_text() != "half"
    assert (folder / "llhttp/meson.build").read_bytes() == (folder / "packagefiles/llhttp/meson.build").read_bytes()
    assert (folder / "yyjson/yyjson.c").read_text() == "kept"
