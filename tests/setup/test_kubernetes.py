"""conf/kubernetes: against the schemas of Kubernetes, old and new, and against each other."""

import pathlib
import re

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conf/kubernetes"
FILES = sorted(f.name for f in FOLDER.glob("*.yaml") if f.name != "kustomization.yaml")
OBJECTS = {o["kind"]: o for o in (yaml.safe_load((FOLDER / name).read_text()) for name in FILES)}
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


@pytest.mark.parametrize("version", ["1.25", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("kind", OBJECTS)
def test_schema(kind, version):
    kubernetes_validate.validate(OBJECTS[kind], version, strict=True)


def test_the_schema_is_looked_at():
    wrong = yaml.safe_load((FOLDER / "deployment.yaml").read_text())
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.25", strict=True)


def test_all_is_applied():
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert sorted(listed["resources"]) == sorted(name.replace(".example", "") for name in FILES)
    assert listed["images"][0]["name"] == CONTAINER["image"]
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    assert listed["images"][0]["newTag"] == version


def test_they_mean_each_other():
    deployment = OBJECTS["Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    for spec in (deployment["spec"], OBJECTS["PodDisruptionBudget"]["spec"]):
        assert spec["selector"]["matchLabels"] == labels
    assert OBJECTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    target = OBJECTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert POD["serviceAccountName"] == OBJECTS["ServiceAccount"]["metadata"]["name"]
    assert CONTAINER["envFrom"][0]["secretRef"]["name"] == OBJECTS["Secret"]["metadata"]["name"]
    volumes = {v["name"]: v for v in POD["volumes"]}
    assert set(volumes) == {m["name"] for m in CONTAINER["volumeMounts"]}
    assert volumes["config"]["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
    assert CONTAINER["command"][-1] == "/etc/lintel/" + next(iter(OBJECTS["ConfigMap"]["data"]))
    port = CONTAINER["ports"][0]
    assert OBJECTS["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {"name": "PORT", "value": str(port["containerPort"])} in CONTAINER["env"]


def test_the_image_has_what_the_pod_asks_for():
    image = (ROOT / "Dockerfile").read_text()
    assert f"--uid {POD['securityContext']['runAsUser']} " in image
    assert CONTAINER["command"][0] == "/app/build/lintel" and "/src/build/lintel" in image
    writable = [m["mountPath"] for m in CONTAINER["volumeMounts"] if not m.get("readOnly")]
    assert writable == [re.search(r"LINTEL_DATA_DIRECTORY=(\S+)", image)[1]]


def test_rights():
    """The namespace holds its pods to the restricted profile; the pod is within it."""
    assert OBJECTS["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    inside = CONTAINER["securityContext"]
    assert POD["securityContext"]["runAsNonRoot"] and inside["allowPrivilegeEscalation"] is False
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["readOnlyRootFilesystem"] and inside["capabilities"] == {"drop": ["ALL"]}
    assert POD["automountServiceAccountToken"] is False


def test_requests_are_finished_before_the_end():
    drain = int(re.search(r"WORKER_DRAIN_MS (\d+)", (ROOT / "src/gateway/worker.h").read_text())[1]) / 1000
    before = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > before + drain
