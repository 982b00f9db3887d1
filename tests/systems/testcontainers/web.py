"""What tests do with Testcontainers: give a container a file of theirs, use a published port, copy in and out."""

import pathlib
import urllib.request

from testcontainers.core.container import DockerContainer

here = pathlib.Path.cwd()
web = DockerContainer("busybox").with_command("httpd -f -p 80 -h /www").with_exposed_ports(80)
with web.with_volume_mapping(here / "page", "/www/page"):
    print("mounted:", web.exec("cat /www/page").output.decode(), end="", flush=True)
    address = f"http://{web.get_container_host_ip()}:{web.get_exposed_port(80)}"
    print("published:", urllib.request.urlopen(f"{address}/page").read().decode(), end="")
    web.copy_into_container(here / "page", "/www/copy")
    print("copied in:", web.exec("cat /www/copy").output.decode(), end="")
    web.copy_from_container("/www/copy", here / "out")
    print("copied out:", (here / "out").read_text(), end="")
