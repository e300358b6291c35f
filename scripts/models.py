#!/usr/bin/env python3
"""Turns a LiteLLM price map into src/provider/models.json: one row per base model.

Usage: scripts/models.py PRICE_MAP.json > src/provider/models.json

A row holds what is true of the bare id; "profiles" holds what differs for an inference profile's
geography (us., eu., global., …) and "regions" what differs for a region. "profile_only": the bare id
itself is not sold. Only facts that Lintel reads or shows are kept."""
import json
import re
import sys

PREFIX = re.compile(r"^(us-gov|us|eu|apac|global|au|jp|ca|sa|mx)\.(?=[a-z0-9]+\.)")
DROPPED = {"litellm_provider", "metadata", "max_tokens", "supported_modalities",
           "supported_output_modalities", "cost_per_second", "input_cost_per_second"}

# What the map may lack: batch inference at half the price, and the price of web searches.
BATCHES = {"anthropic.claude-sonnet-4-5-20250929-v1:0", "meta.llama3-1-70b-instruct-v1:0", "amazon.nova-pro-v1:0"}
SEARCHES = {"anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-opus-4-6-v1"}

# What it does not tell: who takes temperature or top_p, but not both; who takes no system prompt on Converse.
ONE_SAMPLING_PARAM = ("anthropic.claude-opus-4-1", "anthropic.claude-sonnet-4-5", "anthropic.claude-haiku-4-5",
                      "anthropic.claude-opus-4-5", "anthropic.claude-opus-4-6", "anthropic.claude-sonnet-4-6")
REFUSES_SYSTEM = ("amazon.titan-text", "mistral.mistral-7b", "mistral.mixtral", "cohere.command-text",
                  "cohere.command-light", "ai21.j2")


def facts(base, entry):
    row = {k: v for k, v in entry.items() if k not in DROPPED}
    if base.startswith(ONE_SAMPLING_PARAM):
        row["bedrock_one_sampling_param"] = True
    if base.startswith(REFUSES_SYSTEM):
        row["bedrock_converse_refuses_system"] = True
    for name in ("input_cost_per_token", "output_cost_per_token") if base in BATCHES else ():
        row.setdefault(name + "_batches", float(f"{row[name] / 2:.6g}"))
    if base in SEARCHES:
        sizes = ("high", "low", "medium")
        row.setdefault("search_context_cost_per_query", {f"search_context_size_{size}": 0.01 for size in sizes})
    return row


def split_id(key):
    """LiteLLM's key → (region or None, geography or None, base id); None for what we do not sell."""
    region = None
    if key.startswith("bedrock/"):
        parts = key.split("/")
        if len(parts) != 3 or "commitment" in key or parts[1] in ("*", "invoke", "converse"):
            return None
        region, key = parts[1], parts[2]
    if "/" in key:
        return None
    m = PREFIX.match(key)
    return region, m.group(1) if m else None, PREFIX.sub("", key)


def differences(row, entry):
    d = {k: v for k, v in entry.items() if row.get(k) != v}
    d.update({k: None for k in row if k not in entry})
    return d


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        price_map = json.load(f)
    found = {}
    for key, entry in price_map.items():
        where = split_id(key)
        if where:
            region, geo, base = where
            found.setdefault(base, {})[(region, geo)] = facts(base, entry)
    rows = {}
    for base, entries in sorted(found.items()):
        row = entries.get((None, None)) or entries[min(entries, key=str)]
        out = dict(sorted(row.items()))
        if (None, None) not in entries and any(g for _, g in entries):
            out["profile_only"] = True
        profiles = {g: differences(row, e) for (r, g), e in sorted(entries.items(), key=str) if g and not r}
        regions = {r: differences(row, e) for (r, g), e in sorted(entries.items(), key=str) if r and not g}
        if profiles:
            out["profiles"] = profiles
        if any(regions.values()):
            out["regions"] = {r: d for r, d in regions.items() if d}
        rows[base] = out
    lines = [json.dumps(k) + ": " + json.dumps(v, sort_keys=False) for k, v in rows.items()]
    print("{\n" + ",\n".join(lines) + "\n}")


main()
