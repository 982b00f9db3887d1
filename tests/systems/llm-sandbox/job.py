"""Has a sandbox work on a folder of the caller's, and copies a file in."""

import pathlib

from llm_sandbox import SandboxSession

CODE = """
numbers = [int(line) for line in open("/data/numbers")]
open("/data/sum", "w").write(f"{sum(numbers)}\\n")
print(open("/sandbox/copied").read(), end="")
"""

here = pathlib.Path.cwd()
(here / "data").mkdir()
(here / "data/numbers").write_text("1\n2\n3\n")
(here / "copied").write_text("copied in\n")
folder = {str(here / "data"): {"bind": "/data", "mode": "rw"}}
with SandboxSession(
    lang="python",
    image="python:3.11",
    # The image's Python ends by SIGTERM only where it is not the first process.
    runtime_configs={"volumes": folder, "init": True},
    # There is no pip in it.
    skip_environment_setup=True,
) as session:
    session.copy_to_runtime(str(here / "copied"), "/sandbox/copied")
    result = session.run(CODE)
    print(result.stdout, result.stderr, sep="", end="", flush=True)
print((here / "data/sum").read_text(), end="")
