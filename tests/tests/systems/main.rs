//! Every system that hits this: its real client, or its very calls, in a container that has a socket where the engine's is
//! looked for. With the engine's own the job fails in the words that its users search for; with Hostward's, and nothing
//! else changed, it does what it does on a machine of its own.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

mod built;
mod docs;
mod example;
mod judge;
mod profiles;
mod recipe;

// CI systems, and what deploys.
mod act;
mod circleci;
mod compose_managers;
mod github_actions;
mod gitlab_runner;
mod jenkins;
mod swarm;

// Libraries and tools of developers.
mod cross;
mod cwltool;
mod devcontainers;
mod gitlab_ci_local;
mod kind;
mod llm_sandbox;
mod pre_commit;
mod sam;
mod testcontainers;
