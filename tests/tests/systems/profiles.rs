//! Under which profiles systems run. docs/systems.md has a row for each.

/// What a system runs under.
pub(crate) struct Profile {
    /// The system's name in the tables of docs/systems.md.
    pub(crate) system: &'static str,
    /// The preset, and the keys that the system needs besides, as they stand in the profile. `roots` is not among them.
    pub(crate) keys: &'static str,
    /// What it mounts besides the job's own folders.
    pub(crate) roots: &'static [&'static str],
}

/// The preset for jobs as it is.
const CI: &str = "preset = \"ci\"";

/// All that have been tried.
pub(crate) const PROFILES: &[Profile] = &[
    // A job is given the workspace, which is a volume in it.
    Profile { system: "act, Gitea and Forgejo runners", keys: CI, roots: &[] },
    Profile { system: "AWS SAM CLI", keys: CI, roots: &[] },
    // It mounts folders that it makes there.
    Profile { system: "cwltool", keys: CI, roots: &["/tmp"] },
    Profile { system: "Dev containers", keys: CI, roots: &[] },
    // The place of a project in a job's container.
    Profile { system: "gitlab-ci-local", keys: CI, roots: &["/gcl-builds"] },
    // Whoever has this has the host.
    Profile {
        system: "kind, minikube",
        keys: "preset = \"ci\"\nprivileged = true\nhost_paths = [\"/lib/modules:ro\", \"/usr/lib/modules:ro\"]\n\
               security_options = [\"seccomp=unconfined\", \"apparmor=unconfined\"]",
        roots: &[],
    },
    // It copies programs to the sandbox's own root.
    Profile { system: "llm-sandbox", keys: "preset = \"executor\"\nread_only_root = false", roots: &[] },
    Profile { system: "pre-commit", keys: CI, roots: &[] },
    Profile { system: "Testcontainers", keys: CI, roots: &[] },
];
