"""The option table, docs/config.md and conf/full_config.yml list the same options.

    options.py DUMP ROOT            compares, and loads every file of conf/
    options.py DUMP ROOT --write    writes the tables of docs/config.md and conf/full_config.yml anew

DUMP is tests/lint/options_dump of a build. What stands in docs/config.md outside of the tables is
written by hand.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import textwrap

Option = collections.namedtuple("Option", "section name type effect default meaning")

# Families: a member to show in the sample file.
MEMBERS = {
    "input_cost_per_*": "input_cost_per_image", "output_cost_per_*": "output_cost_per_image",
    "cache_read_input_*": "cache_read_input_token_cost_above_200k_tokens",
    "cache_creation_input_*": "cache_creation_input_token_cost_above_200k_tokens",
    "search_context_cost_*": "search_context_cost_per_query", "prompt_*": "prompt_variables",
    "auto_router_*": "auto_router_config", "complexity_router_*": "complexity_router_config",
    "adaptive_router_*": "adaptive_router_config", "quality_router_*": "quality_router_config",
    "vector_store_*": "vector_store_id", "milvus_*": "milvus_text_field",
    "valkey_*": "valkey_text_field", "azure_*": "azure_ad_token", "vertex_*": "vertex_project",
    "watsonx_*": "watsonx_region_name", "gemini_*": "gemini_live_defer_setup",
    "anthropic_federation_*": "anthropic_federation_rule_id",
    "openai_identity_*": "openai_identity_provider_id", "supports_*": "supports_function_calling",
    "ptu_effective_*": "ptu_effective_from", "created_*": "created_at", "updated_*": "updated_at",
    "datadog_*": "datadog_params", "disable_aiohttp_*": "disable_aiohttp_transport",
    "guardrails_*": "guardrails_ai", "*_key": "openai_key", "gigachat_*": "gigachat_config",
    "ssl_*": "ssl_cert_reqs", "*_embedding_model": "redis_semantic_cache_embedding_model",
    "s3_*": "s3_bucket_name", "gcs_*": "gcs_bucket_name", "qdrant_*": "qdrant_api_base",
    "mcp_*": "mcp_internal_ip_ranges",
}

# What the sample file says where null would show too little.
VALUES = {
    ("top level", "environment_variables"): "{LINTEL_SAMPLE_REGION: us-east-1}",
    ("top level", "include"): "[] # such as [models.yml]",
    ("model_list", "model_name"): "claude-3-7-sonnet",
    ("litellm_params", "model"): "bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    ("litellm_params", "custom_llm_provider"): "bedrock",
    ("litellm_params", "aws_region_name"): "os.environ/LINTEL_SAMPLE_REGION",
    ("litellm_params", "aws_profile_name"): "null # such as cline",
    ("litellm_params", "aws_bedrock_runtime_endpoint"): "null # such as https://vpce-1234.example:443",
    ("litellm_params", "temperature"): "0.7",
    ("litellm_params", "max_tokens"): "8192",
    ("litellm_params", "timeout"): "600",
    ("model_info", "id"): "sample-1",
    ("model_info", "max_input_tokens"): "200000",
    ("model_info", "supports_*"): "true",
    ("litellm_settings", "request_timeout"): "600",
    ("router_settings", "model_group_alias"): "{gpt-4o: claude-3-7-sonnet}",
    ("router_settings", "default_litellm_params"): "{top_p: 0.95}",
    ("general_settings", "master_key"): "null # such as os.environ/LITELLM_MASTER_KEY",
}

# Sections that stand inside another one, and where.
NESTED = {"litellm_params": "model_list", "model_info": "model_list",
          "cache_params": "litellm_settings", "cache_kwargs": "router_settings"}

HEAD = """\
# Every option that Lintel reads or LiteLLM knows, once. Made from the option table by
# tests/lint/options.py; docs/config.md has the same as tables. null is as if the line were missing.
# Copy what you need: a configuration is usually as short as default_config.yml.
"""


def read_table(dump):
    lines = subprocess.run([dump, "table"], check=True, capture_output=True, text=True).stdout
    return [Option(*line.split("\t")) for line in lines.splitlines()]


def sections(table):
    return list(dict.fromkeys(o.section for o in table))


# ---- docs/config.md ------------------------------------------------------------------------------

def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def table_text(table, section):
    lines = ["| option | type | default | change | meaning |", "|---|---|---|---|---|"]
    rows = [o for o in table if o.section == section and o.effect != "accepted"]
    for o in rows:
        lines.append(f"| `{o.name}` | {o.type} | {code(o.default)} | {o.effect} | {cell(o.meaning)} |")
    if not rows:
        lines = []
    rows = [o for o in table if o.section == section and o.effect == "accepted"]
    if rows:
        lines += ["", "Accepted, without effect yet:", "",
                  "| option | type | LiteLLM's default | meaning |", "|---|---|---|---|"]
    for o in rows:
        lines.append(f"| `{o.name}` | {o.type} | {code(o.default)} | {cell(o.meaning)} |")
    return "\n".join(lines).strip() + "\n"


def docs_text(table, text):
    for section in sections(table):
        mark = re.compile(rf"(<!-- options: {section} -->\n).*?(<!-- end -->)", re.S)
        if len(mark.findall(text)) != 1:
            sys.exit(f"docs/config.md: expected one '<!-- options: {section} --> … <!-- end -->'")
        text = mark.sub(lambda m: m[1] + "\n" + table_text(table, section) + "\n" + m[2], text)
    return text


# ---- conf/full_config.yml ------------------------------------------------------------------------

def sample_value(option):
    value = VALUES.get((option.section, option.name))
    if value is None:
        value = option.default if option.effect != "accepted" and option.default else "null"
    return value


def sample_lines(table, section, indent):
    """The options of one section; those that are sections themselves come last."""
    lines, inner = [], []
    own = [o for o in table if o.section == section]
    for o in sorted(own, key=lambda o: o.effect == "accepted"):
        if o.effect == "accepted" and not any("not acted upon" in line for line in lines):
            lines += ["", "# ---- accepted, but not acted upon yet ----"]
        note = o.meaning
        if o.effect == "accepted" and o.default not in ("", "null"):
            note += f" (LiteLLM: {o.default})"
        nested = o.name if NESTED.get(o.name) == section else None
        if not nested and section == "top level" and o.name in sections(table):
            nested = o.name
        block = ["# " + line for line in textwrap.wrap(note, 96 - indent)]
        if nested:
            inner += ["", *block, f"{o.name}:", *sample_block(table, nested)]
        else:
            lines += block + [f"{MEMBERS.get(o.name, o.name)}: {sample_value(o)}"]
    return [line and " " * indent + line for line in lines + inner]


def sample_block(table, section):
    if section != "model_list":
        return sample_lines(table, section, 2)
    lines = sample_lines(table, section, 4)
    first = next(i for i, line in enumerate(lines) if line.strip() and "#" not in line[:5])
    lines[first] = "  - " + lines[first][4:]
    return [line[2:] if i < first else line for i, line in enumerate(lines)]


def sample_text(table):
    lines = sample_lines(table, "top level", 0)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return HEAD + "\n" + text.strip() + "\n"


# ---- checks --------------------------------------------------------------------------------------

def matches(name, key):
    head, star, tail = name.partition("*")
    return key == name if not star else key.startswith(head) and key.endswith(tail)


def check_keys(dump, path, table):
    """Read by the real parser: each key has a row, each row has a key, none twice."""
    out = subprocess.run([dump, "keys", path], check=True, capture_output=True, text=True).stdout
    keys = [tuple(line.split("\t")) for line in out.splitlines()]
    rows = {(o.section, o.name): 0 for o in table}
    problems = []
    for section, key in keys:
        exact = (section, key) if (section, key) in rows else None
        family = next((r for r in rows if r[0] == section and matches(r[1], key)), None)
        row = exact or family
        if row:
            rows[row] += 1
        elif section in sections(table):
            problems.append(f"{path}: {section}.{key} is not in the option table")
    problems += [f"{path}: {s}.{n} stands there {count} times" for (s, n), count in rows.items()
                 if count != 1]
    return problems


def check_loads(dump, path):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": "",
           "AWS_SECRET_ACCESS_KEY": ""}
    out = subprocess.run([dump, "check", path], check=True, capture_output=True, text=True, env=env)
    return out.stdout.splitlines()


def compare(path, wanted):
    if path.read_text(encoding="utf-8") == wanted:
        return []
    return [f"{path}: differs from the option table (tests/lint/options.py --write makes it anew)"]


def main():
    dump, root = sys.argv[1], pathlib.Path(sys.argv[2])
    table = read_table(dump)
    docs, sample = root / "docs/config.md", root / "conf/full_config.yml"
    docs_wanted = docs_text(table, docs.read_text(encoding="utf-8"))
    if sys.argv[3:] == ["--write"]:
        docs.write_text(docs_wanted, encoding="utf-8")
        sample.write_text(sample_text(table), encoding="utf-8")
    problems = compare(docs, docs_wanted) + compare(sample, sample_text(table))
    problems += check_keys(dump, sample, table)
    for path in sorted((root / "conf").glob("*.yml")):
        problems += check_loads(dump, path)
    print("\n".join(problems) or f"{len(table)} options")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
