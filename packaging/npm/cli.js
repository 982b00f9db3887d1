#!/usr/bin/env node
// The program itself, with this process's terminal, signals and exit status.
"use strict";

const { spawn } = require("node:child_process");
const { program } = require("./index.js");

const child = spawn(program(), process.argv.slice(2), { stdio: "inherit" });

// The terminal sends SIGINT and SIGQUIT to the child as well, so these two only must not end this process before it.
for (const signal of ["SIGINT", "SIGQUIT"]) process.on(signal, () => {});
for (const signal of ["SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2"]) process.on(signal, () => child.kill(signal));

child.on("error", (error) => {
  console.error(`hostward: cannot run ${program()}: ${error.message}`);
  process.exitCode = 127;
});
child.on("exit", (status, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exitCode = status;
  }
});
