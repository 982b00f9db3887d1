"""python-on-whales, over the docker CLI whose path is the argument."""

import json
import sys

import python_on_whales

import cases

docker = python_on_whales.DockerClient(client_call=[sys.argv[1]])


def answer(asked, case):
    container = docker.container.create(
        asked["image"],
        ["sh", "-c", case["script"]],
        name=case["container"],
        labels=cases.labels(asked),
        networks=["none"],
        volumes=[(case["source"], cases.BIND)],
        mounts=[["type=bind", f"source={case['source']}", f"target={cases.MOUNT}"]],
    )
    try:
        container.start()
        docker.container.wait(container)
        container.reload()
        return docker.container.logs(container), as_the_engine_says(container)
    finally:
        container.remove(force=True)


def as_the_engine_says(container):
    """What the library made of the engine's answer, under the engine's names."""

    def plain(model):
        return json.loads(model.model_dump_json(by_alias=True))

    return {
        "HostConfig": plain(container.host_config),
        "Mounts": [plain(mount) for mount in container.mounts],
    }


cases.answer_all(cases.asked(), answer)
