// dockerode, of npm. What comes in and what goes out: see cases.py.
'use strict';

const { readFileSync } = require('node:fs');
const { PassThrough } = require('node:stream');
const Docker = require('dockerode');

const docker = new Docker(); // of DOCKER_HOST

async function answer(asked, wanted) {
  const container = await docker.createContainer({
    name: `${asked.run}-${wanted.name.replaceAll(' ', '-')}`,
    Image: asked.image,
    Cmd: ['sh', '-c', wanted.script],
    Labels: { 'hostward-test': asked.label },
    HostConfig: {
      NetworkMode: 'none',
      Binds: [`${wanted.source}:/bind`],
      Mounts: [{ Type: 'bind', Source: wanted.source, Target: '/mount' }],
    },
  });
  try {
    await container.start();
    await container.wait();
    return { output: await output(container), inspect: await container.inspect() };
  } finally {
    await container.remove({ force: true });
  }
}

async function output(container) {
  const both = new PassThrough();
  const logs = await container.logs({ stdout: true, stderr: true, follow: true });
  container.modem.demuxStream(logs, both, both);
  logs.on('end', () => both.end());
  let text = '';
  for await (const chunk of both) text += chunk;
  return text;
}

async function main() {
  const asked = JSON.parse(readFileSync(0, 'utf8'));
  for (const wanted of asked.cases) {
    const line = await answer(asked, wanted).catch((error) => ({ error: String(error) }));
    console.log(JSON.stringify({ case: wanted.name, ...line }));
  }
}

main();
