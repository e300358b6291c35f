"""Keeps bedrock-sim's contract on the command line, and nothing else."""

import os
import socket
import sys

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if os.environ.get("STUB_SIM_DIES"):
    print("bedrock-sim: " + os.environ["STUB_SIM_DIES"], file=sys.stderr)
    sys.exit(1)
server = socket.create_server((options["--host"], int(options["--port"])))
print(f"listening on http://127.0.0.1:{server.getsockname()[1]}", flush=True)
while True:
    server.accept()[0].close()
