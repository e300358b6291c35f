"""The real Prometheus, which reads a gateway's /metrics every three seconds; and its promtool."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request


import yaml
from programs import environment, free_port, wait_for


class PrometheusServer:
    def __init__(self, folder, gateway, rules=()):
        folder = pathlib.Path(folder)
        self.log = folder / "prometheus.log"
        job = {
            "job_name": "lintel",
            "static_configs": [{"targets": [gateway.netloc]}],
            "authorization": {"credentials": gateway.key},
        }
        config = {
            "global": {"scrape_interval": "3s", "evaluation_interval": "1s"},
            "scrape_configs": [job],
            "rule_files": [str(file) for file in rules],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
                + [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment(folder),
            )
        wait_for(self.ready, 40, "prometheus")
        wait_for(lambda: self.query('up{job="lintel"} == 1'), 40, "its first look")

    def get(self, path, **params):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read()

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return None

    def ask(self, path, **params):
        answer = json.loads(self.get(path, **params))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, text):
        """[(labels, number)] of an instant query."""
        found = self.ask("/api/v1/query", query=text)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def errors(self):
        """What went wrong with the last scrape of each target; "" if nothing did."""
        return [target["lastError"] for target in self.ask("/api/v1/targets")["activeTargets"]]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def promtool(*arguments, text=None):
    """What it complains of; "" if of nothing."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr
