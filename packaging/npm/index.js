// A Docker engine's own paths for the paths of this container. Every call runs the program `hostward`, which asks the
// engine, or the Hostward in front of it, that DOCKER_HOST or the Docker context names.
"use strict";

const { execFile } = require("node:child_process");

// The exit status of `hostward` for a path that has no translation.
const NO_TRANSLATION = 3;
// An explanation lists mounts: far more than they ever take.
const MOST_BYTES = 64 << 20;

class HostwardError extends Error {
  name = "HostwardError";
}

class RefusedError extends HostwardError {
  name = "RefusedError";
}

/** The program of the package for this platform, or else the one in PATH. */
function program() {
  try {
    return require.resolve(`@hostward/${process.platform}-${process.arch}/bin/hostward`);
  } catch {
    return "hostward";
  }
}

async function translate(path) {
  const stdout = await ask(["translate", "--null", "--", path], false);
  return stdout.slice(0, stdout.indexOf("\0"));
}

async function explain(path) {
  return JSON.parse(await ask(["explain", "--json", "--", path], true));
}

function ask(words, mayRefuse) {
  return new Promise((resolve, reject) => {
    execFile(program(), words, { maxBuffer: MOST_BYTES }, (error, stdout, stderr) => {
      const said = stderr.trim();
      const refused = error?.code === NO_TRANSLATION;
      if (error && !(refused && mayRefuse)) {
        const Failed = refused ? RefusedError : HostwardError;
        reject(new Failed(said || error.message, { cause: error }));
        return;
      }
      if (said) process.emitWarning(said);
      resolve(stdout);
    });
  });
}

module.exports = { HostwardError, RefusedError, explain, program, translate };
