"""docker-py: PyPI's `docker`."""

import docker

import cases

client = docker.from_env()


def answer(asked, case):
    container = client.containers.create(
        asked["image"],
        ["sh", "-c", case["script"]],
        name=case["container"],
        labels=cases.labels(asked),
        network_mode="none",
        volumes=[f"{case['source']}:{cases.BIND}"],
        mounts=[docker.types.Mount(cases.MOUNT, case["source"], type="bind")],
    )
    try:
        container.start()
        container.wait()
        container.reload()
        return container.logs().decode(), container.attrs
    finally:
        container.remove(force=True)


cases.answer_all(cases.asked(), answer)
