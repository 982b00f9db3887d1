"""Compose: the arguments are a docker CLI, which inspects, and the words that start compose."""

import json
import pathlib
import sys
import tempfile

import cases

DOCKER = sys.argv[1]
COMPOSE = sys.argv[2:]


def answer(asked, case):
    project = {
        "services": {
            "case": {
                "image": asked["image"],
                "command": ["sh", "-c", case["script"].replace("$", "$$")],
                "labels": cases.labels(asked),
                "network_mode": "none",
                "volumes": [
                    f"{case['source']}:{cases.BIND}",
                    {"type": "bind", "source": case["source"], "target": cases.MOUNT},
                ],
            }
        }
    }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "compose.yaml")
        file.write_text(json.dumps(project))  # JSON is YAML

        def compose(*words):
            return cases.command(*COMPOSE, "-f", str(file), "-p", case["container"], *words)

        try:
            compose("up", "-d")
            container = compose("ps", "-a", "-q", "case").strip()
            cases.command(DOCKER, "wait", container)
            return cases.command(DOCKER, "logs", container), cases.inspected(DOCKER, container)
        finally:
            compose("down", "-v", "-t", "0")


cases.answer_all(answer)
