"""Compose: the arguments are a docker CLI, which inspects, and the words that start compose.

All cases are services of one project. If that does not come up, those that have not run are brought up one by one, so
that one case does not answer for all.
"""

import json
import pathlib
import sys
import tempfile

import cases

DOCKER = sys.argv[1]
COMPOSE = sys.argv[2:]


def service(asked, case):
    return {
        "container_name": case["container"],
        "image": asked["image"],
        "command": ["sh", "-c", case["script"].replace("$", "$$")],
        "labels": cases.labels(asked),
        "network_mode": "none",
        "volumes": [
            f"{case['source']}:{cases.BIND}",
            {"type": "bind", "source": case["source"], "target": cases.MOUNT},
        ],
    }


def has_run(container):
    try:
        return cases.inspected(DOCKER, container)["State"]["Status"] != "created"
    except RuntimeError:
        return False


def main():
    asked = cases.asked()
    project = {"services": {case["container"]: service(asked, case) for case in asked["cases"]}}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "compose.yaml")
        file.write_text(json.dumps(project))  # JSON is YAML

        def compose(*words):
            return cases.command(*COMPOSE, "-f", str(file), "-p", asked["run"], *words)

        try:
            compose("up", "-d")
            all_up = True
        except RuntimeError:
            all_up = False

        def answer(_, case):
            container = case["container"]
            if not all_up and not has_run(container):
                compose("up", "-d", container)
            cases.command(DOCKER, "wait", container)
            return cases.command(DOCKER, "logs", container), cases.inspected(DOCKER, container)

        try:
            cases.answer_all(asked, answer)
        finally:
            compose("down", "-v", "-t", "0")


main()
