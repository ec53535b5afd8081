"""The compose file and the Kubernetes manifests fit each other, the program and its settings. No engine is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from huixin.cli import app
from records.exchange.worker import STOP_SECONDS
from records.settings_check import variables
from records.settings_words import OTHERS
from service.routes import health

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = [
    one
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text("utf-8"))
]
VERSIONS = {
    "ConfigMap": "v1",
    "PersistentVolumeClaim": "v1",
    "ServiceAccount": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "NetworkPolicy": "networking.k8s.io/v1",
}
PATHS = {route.path for route in health.router.routes}  # type: ignore[attr-defined]
STOPS = 3 * STOP_SECONDS  # the workers of uploads, jobs and webhooks


def kind(name: str) -> list[dict[str, Any]]:
    return [one for one in MANIFESTS if one["kind"] == name]


def templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod template of whatever runs."""
    for one in MANIFESTS:
        if one["kind"] in ("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]
        elif one["kind"] == "CronJob":
            yield one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]["template"]


def check_command(words: list[str]) -> None:
    """``huixin`` knows the command, all its options, and as many arguments."""
    command: Any = get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    assert not hasattr(command, "commands") or getattr(command, "invoke_without_command", False), words
    known = {one for parameter in command.params for one in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_kinds_have_their_versions_and_names_are_unique() -> None:
    assert {one["kind"]: one["apiVersion"] for one in MANIFESTS} == VERSIONS
    names = [(one["kind"], one["metadata"]["name"]) for one in MANIFESTS]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9-]{1,52}", name) for _, name in names)


def test_selectors_find_pods() -> None:
    labels = {name: template["metadata"]["labels"] for name, template in templates()}
    for one in kind("Deployment"):
        assert one["spec"]["selector"]["matchLabels"].items() <= labels[one["metadata"]["name"]].items()
    selectors = [one["spec"]["selector"] for one in kind("Service")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in kind("PodDisruptionBudget")]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in kind("NetworkPolicy")]
    assert all(any(wanted.items() <= found.items() for found in labels.values()) for wanted in selectors)
    assert all("app.kubernetes.io/part-of" in found for found in labels.values())  # what the network policy goes by
    for one in kind("HorizontalPodAutoscaler"):
        assert one["spec"]["scaleTargetRef"]["name"] in {found["metadata"]["name"] for found in kind("Deployment")}


@pytest.mark.parametrize(("name", "template"), list(templates()), ids=[name for name, _ in templates()])
def test_pods_run_the_program_without_rights(name: str, template: dict[str, Any]) -> None:
    pod = template["spec"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes["secrets"]["secret"]["secretName"] == "huixin"
    assert volumes["home"]["persistentVolumeClaim"]["claimName"] in {
        one["metadata"]["name"] for one in kind("PersistentVolumeClaim")
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        check_command(container["args"])
        rights = container["securityContext"]
        assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"]) == (True, False)
        assert rights["capabilities"]["drop"] == ["ALL"]
        assert {one["name"] for one in container["volumeMounts"]} == volumes.keys()
        assert "memory" in container["resources"]["limits"]
        refs = {one["configMapRef"]["name"] for one in container["envFrom"]}
        assert refs == {one["metadata"]["name"] for one in kind("ConfigMap")}
        ports = {one["name"] for one in container.get("ports", ())}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                asked = container[probe]["httpGet"]
                assert asked["path"] in PATHS
                assert asked["port"] in ports


def test_there_is_time_to_stop() -> None:
    drain = int(kind("ConfigMap")[0]["data"]["HUIXIN_DRAIN_SECONDS"])
    (service,) = (template for name, template in templates() if name == "huixin")
    assert service["spec"]["terminationGracePeriodSeconds"] >= drain + STOPS + 5
    for name in ("service", "worker"):
        grace = int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s"))
        assert grace >= int(COMPOSE["services"][name]["environment"]["HUIXIN_DRAIN_SECONDS"]) + STOPS


def test_secrets_are_only_named() -> None:
    assert not kind("Secret")
    config = kind("ConfigMap")[0]["data"]
    mounts = {
        mount["mountPath"] for _, one in templates() for c in one["spec"]["containers"] for mount in c["volumeMounts"]
    }
    assert config["HUIXIN_SECRETS_FOLDER"] in mounts
    assert config["HUIXIN_HOME"] in mounts
    assert all(set(one) == {"file"} for one in COMPOSE["secrets"].values())
    named = {name.upper() for name in COMPOSE["secrets"] if name.startswith("huixin_")}
    assert named <= variables()


def test_every_setting_and_image_that_is_named_is_one() -> None:
    known = variables() | OTHERS.keys()
    for path in [*DEPLOY.rglob("*.yaml"), DEPLOY / "Dockerfile"]:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\bHUIXIN_[A-Z_]+\b", text)) <= known, path.name
        for image in re.findall(r"image: (\S+)", text):
            assert re.fullmatch(r"[a-z]+:[0-9][0-9.]*", image), image  # no registry's host, and a version


def test_compose_services_lean_on_what_there_is() -> None:
    services = COMPOSE["services"]
    for name, one in services.items():
        for other, how in one.get("depends_on", {}).items():
            assert other in services
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other]
        assert {volume.split(":")[0] for volume in one.get("volumes", ())} <= COMPOSE["volumes"].keys()
        assert set(one.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert set(one["networks"]) <= COMPOSE["networks"].keys()
        assert one["read_only"] is True
        assert "no-new-privileges:true" in one["security_opt"]
        if "postgres" not in one["image"]:
            assert one["user"] == "10001:10001"
            assert one["cap_drop"] == ["ALL"]
        if "entrypoint" not in one and name != "postgres":
            check_command(one["command"])
    paths = {found for one in services.values() for found in re.findall(r":800[01](/\w+)", str(one.get("healthcheck")))}
    assert paths
    assert paths <= PATHS


def test_the_image_is_not_run_by_root_and_its_command_exists() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (user,) = (line for line in lines if line.startswith("USER "))
    assert user == "USER 10001:10001"
    (command,) = (line for line in lines if line.startswith("CMD "))
    check_command(re.findall(r'"([^"]+)"', command))
