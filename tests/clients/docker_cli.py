"""The docker CLI whose path is the argument."""

import subprocess
import sys

import cases

DOCKER = sys.argv[1]


def answer(asked, case):
    try:
        output = cases.command(
            DOCKER, "run", "--name", case["container"], "--label", f"hostward-test={asked['label']}",
            "--network", "none", "--volume", f"{case['source']}:{cases.BIND}",
            "--mount", f"type=bind,source={case['source']},target={cases.MOUNT}",
            asked["image"], "sh", "-c", case["script"],
        )
        return output, cases.inspected(DOCKER, case["container"])
    finally:
        subprocess.run([DOCKER, "rm", "--force", case["container"]], capture_output=True)


cases.answer_all(cases.asked(), answer)
