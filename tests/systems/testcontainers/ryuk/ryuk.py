"""Stands for Ryuk, Testcontainers' reaper: once the client has gone, it removes what has the labels that the client named.

It starts by Hostward's socket only, which alone answers /_hostward.
"""

import http.client
import json
import socket
import urllib.parse


class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


def ask(method, path):
    engine = Engine("docker", timeout=30)
    engine.request(method, path)
    answer = engine.getresponse()
    return answer.status, answer.read()


def labelled(label):
    filters = urllib.parse.quote(json.dumps({"label": [label]}))
    return json.loads(ask("GET", f"/containers/json?all=1&filters={filters}")[1])


if ask("GET", "/_hostward")[0] != 200:
    raise SystemExit("this is not Hostward's socket")
listener = socket.create_server(("", 8080))
print("ryuk has Hostward's socket. Started!", flush=True)
client, _ = listener.accept()
labels = [line.strip().removeprefix("label=") for line in client.makefile()]
for label in labels:
    for container in labelled(label):
        ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")
