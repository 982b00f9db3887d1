"""What the Python programs of the client matrix share: cases come in on stdin, answers go out on stdout.

In comes one JSON object: {"image": …, "label": …, "run": …, "cases": [{"name": …, "source": …, "script": …}, …]}.
Each case is one container of that image: `source` bound at /bind in the client's short form and at /mount in its long
form, running `sh -c script`. Out goes a line of JSON a case: {"case": …, "output": …, "inspect": …}, or {"case": …,
"error": …}. Nothing is judged here: that is done by whoever knows what the caller sees.
"""

import json
import subprocess
import sys

BIND = "/bind"
MOUNT = "/mount"


def asked():
    """What came in, with a name for each case's container."""
    asked = json.load(sys.stdin)
    for case in asked["cases"]:
        case["container"] = f"{asked['run']}-{case['name'].replace(' ', '-')}"
    return asked


def answer_all(asked, answer):
    """Calls answer(asked, case) -> (output, inspect) for each case, and prints what comes of it."""
    for case in asked["cases"]:
        line = {"case": case["name"]}
        try:
            line["output"], line["inspect"] = answer(asked, case)
        except Exception as error:  # whatever a client throws is its answer
            line["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(line), flush=True)


def labels(asked):
    """The label by which the test finds what a program that failed has left."""
    return {"hostward-test": asked["label"]}


def command(*words):
    """Runs a command that must succeed; its standard output."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words[:3])} … ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def inspected(docker, container):
    """`docker inspect` by that CLI."""
    return json.loads(command(docker, "inspect", container))[0]
