// What tests do with Testcontainers, as in web.py. What it has started it leaves to the reaper.

const { buffer } = require("node:stream/consumers");
const { GenericContainer } = require("testcontainers");

async function main() {
  const page = `${process.cwd()}/page`;
  const web = await new GenericContainer("busybox")
    .withCommand(["httpd", "-f", "-p", "80", "-h", "/www"])
    .withExposedPorts(80)
    .withBindMounts([{ source: page, target: "/www/page", mode: "ro" }])
    .start();
  const shown = async (file) => (await web.exec(["cat", file])).output;
  process.stdout.write(`mounted: ${await shown("/www/page")}`);
  const answer = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/page`);
  process.stdout.write(`published: ${await answer.text()}`);
  await web.copyFilesToContainer([{ source: page, target: "/www/copy" }]);
  process.stdout.write(`copied in: ${await shown("/www/copy")}`);
  const archive = await buffer(await web.copyArchiveFromContainer("/www/copy"));
  process.stdout.write(`copied out: ${archive.subarray(512).toString().split("\0")[0]}`);
}

main();
