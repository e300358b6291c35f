#!/usr/bin/env python3
"""What a streamed chunk costs in each API, beside OpenAI's chat, which counts as 1.

    bench/dialects.py [--build DIR] [--streams N]

One client asks the gateway, in front of the simulated Bedrock, for streams of 200 chunks, in each API by
turns; told is the gateway's CPU time (user and system), the least of three rounds. The budget is 1.3.
"""

import argparse
import http.client
import json
import pathlib
import sys
import tempfile

import harness

CHUNKS, ROUNDS, BUDGET = 200, 3, 1.3
PROMPT = f"[[sim:chunks({CHUNKS},16)]]"
MESSAGES = [{"role": "user", "content": PROMPT}]
MODELS = {"converse": "bedrock/converse/", "invoke": "bedrock/"}
CONFIG = """
  - model_name: {name}
    litellm_params:
      model: {prefix}us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_access_key_id: AKIASIMULATEDBEDROCK
      aws_secret_access_key: simulated-bedrock-secret-key
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: http://127.0.0.1:{port}
"""
CASES = {
    "chat, Converse": ("/v1/chat/completions", {"model": "converse", "stream": True, "messages": MESSAGES}),
    "completions, Converse": ("/v1/completions", {"model": "converse", "stream": True, "prompt": PROMPT}),
    "responses, Converse": ("/v1/responses", {"model": "converse", "stream": True, "store": False, "input": PROMPT}),
    "messages, Converse": (
        "/v1/messages",
        {"model": "converse", "stream": True, "max_tokens": 4096, "messages": MESSAGES},
    ),
    "messages, InvokeModel": (
        "/v1/messages",
        {"model": "invoke", "stream": True, "max_tokens": 4096, "messages": MESSAGES},
    ),
    "native, ConverseStream": (
        "/bedrock/model/converse/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]},
    ),
    "native, InvokeModel": (
        "/bedrock/model/invoke/invoke-with-response-stream",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 4096, "messages": MESSAGES},
    ),
}


def ask(port, path, body, streams):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {harness.KEY}", "Content-Type": "application/json"}
    for _ in range(streams):
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise harness.BenchError(f"{path}: {answer.status} {text[:500]}")
    connection.close()


def cpu_us(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 10000


def measure(gateway, port, streams):
    """CPU time of a chunk in microseconds, of each case."""
    best = {}
    for _ in range(ROUNDS):
        for name, (path, body) in CASES.items():
            ask(port, path, body, 10)
            before = cpu_us(gateway.process.pid)
            ask(port, path, body, streams)
            spent = (cpu_us(gateway.process.pid) - before) / streams / CHUNKS
            best[name] = min(spent, best.get(name, spent))
    return best


def main():
    parser = argparse.ArgumentParser(description="What a streamed chunk costs in each API.")
    parser.add_argument("--build", type=pathlib.Path, default=harness.ROOT / "build")
    parser.add_argument("--streams", type=int, default=1500, help="in each round (default 1500)")
    args = parser.parse_args()
    build = args.build.resolve()
    with tempfile.TemporaryDirectory(prefix="lintel-bench-") as name:
        folder = pathlib.Path(name)
        simulator = harness.Program(folder, "bedrock-sim", [build / "bedrock-sim", "--fast"], core=1)
        port = simulator.wait_port()
        models = "".join(CONFIG.format(name=n, prefix=p, port=port) for n, p in MODELS.items())
        config = folder / "lintel.yml"
        config.write_text(f"model_list:{models}general_settings: {{master_key: {harness.KEY}}}\n")
        command = [build / "lintel", "--config", config, "--host", "127.0.0.1", "--port", 0]
        gateway = harness.Program(folder, "lintel", command, core=0)
        try:
            best = measure(gateway, gateway.wait_port(), args.streams)
        finally:
            gateway.stop()
            simulator.stop()
    print("| | CPU µs/chunk | beside chat |\n|---|--:|--:|")
    first = next(iter(best.values()))
    for case, spent in best.items():
        print(f"| {case} | {spent:.2f} | {spent / first:.2f} |")
    return 0 if max(best.values()) <= BUDGET * first else 1


if __name__ == "__main__":
    sys.exit(main())
