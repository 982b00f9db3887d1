"""A Docker engine's own paths for the paths of this container.

    import hostward

    hostward.translate("/app/storage/file.py")   # '/home/me/project/storage/file.py'
    hostward.explain("/app/storage/file.py")     # what it is made of, and the rule that applied

    with hostward.wrap():                        # clients of the engine are translated in here
        docker.from_env().containers.run("busybox", volumes=["/app/storage:/data"])

Every call runs the program `hostward`, which comes with this package and asks the engine, or the Hostward in front of it,
that `DOCKER_HOST` or the Docker context names.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Optional, TypedDict, Union

__all__ = ["Error", "Explanation", "Layer", "Mount", "Refused", "explain", "program", "translate", "wrap"]

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

# The exit status of `hostward` for a path that has no translation.
_NO_TRANSLATION = 3
# What would lead Docker's clients past the proxy that DOCKER_HOST names.
_OTHER_NAMES = ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH")


class Error(Exception):
    """`hostward` failed: no engine answers, for example. The text is its error message."""


class Refused(Error):
    """A path has no translation. The text says why, and what to do."""


class Mount(TypedDict, total=False):
    """One mount that the engine is given, in the names of its API."""

    type: str
    source: str
    # The part of a volume; absent for all of it.
    subpath: str
    # Where it is below the target; absent for the target itself.
    beneath: str
    read_only: bool


class Layer(TypedDict):
    """A directory that is mounted (or `volume NAME`), and what is looked at below it."""

    base: str
    rest: str


class Explanation(TypedDict):
    """What `hostward explain --json` prints; docs/explain.md has each field. One without an answer is None."""

    caller: str
    target: str
    asked: str
    read_as: Optional[str]
    resolved: Optional[str]
    exists: Optional[bool]
    origin: Optional[str]
    user_path: Optional[str]
    rule: Optional[str]
    rule_says: Optional[str]
    on_host: Optional[Layer]
    in_caller: Optional[Layer]
    source: Optional[str]
    exact: Optional[bool]
    read_only: Optional[bool]
    mounts: Optional[list[Mount]]
    refused: Optional[str]
    reason: Optional[str]
    remedy: Optional[str]


def translate(path: AnyPath) -> str:
    """The path on the engine's host that stands for `path` of this process.

    Raises `Refused` if there is none.
    """
    return os.fsdecode(_ask("translate", "--null", "--", path).split(b"\0")[0])


def explain(path: AnyPath) -> Explanation:
    """What `path` of this process is, and which mounts the engine is given for it.

    A path without a translation is explained, too: `refused` says why, and `remedy` what to do.
    """
    explanation: Explanation = json.loads(_ask("explain", "--json", "--", path, may_refuse=True))
    return explanation


@contextlib.contextmanager
def wrap() -> Iterator[str]:
    """Serves a private proxy while the block runs: Docker's clients and child processes use the paths of this container.

    `DOCKER_HOST` names the proxy in the block, and what would lead past it (`DOCKER_CONTEXT`, `DOCKER_TLS…`) is unset: both
    hold for the whole process, so do not enter it in two threads at once. Gives the proxy's address.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            # It ends when this process closes its end of the socket, however that comes.
            server = subprocess.Popen([program(), "wrap-part", "serve"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        try:
            address = _address(ours)
            if address is None:
                raise Error(f"hostward cannot serve (exit status {server.wait()}): see its message on stderr")
            with _engine_at(address):
                yield address
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            server.wait()


def program() -> str:
    """The program `hostward`: the one that was installed with this package, or else the one in PATH."""
    installed = [
        Path(folder) / "hostward"
        for folder in (
            sysconfig.get_path("scripts"),
            sysconfig.get_path("scripts", scheme=f"{os.name}_user"),
            # Where `pip install --target` puts it.
            Path(__file__).parent.parent / "bin",
        )
    ]
    found = next((str(place) for place in installed if os.access(place, os.X_OK)), None) or shutil.which("hostward")
    if found is None:
        places = ", ".join(map(str, installed))
        raise Error(f"cannot find the program hostward: it is neither in PATH nor at {places}")
    return found


def _ask(command: str, *words: AnyPath, may_refuse: bool = False) -> bytes:
    done = subprocess.run([program(), command, *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = os.fsdecode(done.stderr).strip()
    refused = done.returncode == _NO_TRANSLATION
    if done.returncode != 0 and not (refused and may_refuse):
        raise (Refused if refused else Error)(said)
    if said:
        warnings.warn(said, stacklevel=3)
    return done.stdout


def _address(channel: socket.socket) -> str | None:
    """Waits until the proxy names its socket, as text that a NUL byte ends; None if it has ended before."""
    said = b""
    while said.count(b"\0") < 2:
        more = channel.recv(4096)
        if not more:
            return None
        said += more
    return "unix://" + os.fsdecode(said.split(b"\0")[0])


@contextlib.contextmanager
def _engine_at(address: str) -> Iterator[None]:
    before = {name: os.environ.pop(name, None) for name in ("DOCKER_HOST", *_OTHER_NAMES)}
    os.environ["DOCKER_HOST"] = address
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
