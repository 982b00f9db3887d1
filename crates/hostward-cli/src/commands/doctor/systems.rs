//! Which system this process is run by, as its variables say, and the page with the recipe.

use std::env;

use super::check::Check;
use super::surroundings;

/// A variable that a system sets in its jobs, or that is set for it.
struct Sign {
    variable: &'static str,
    /// The value, where others mean something else.
    value: Option<&'static str>,
    system: &'static str,
    /// Below docs/systems/.
    page: &'static str,
}

/// The first that holds. Those come first that set the variables of others too.
const SIGNS: [Sign; 16] = [
    Sign::set("FORGEJO_ACTIONS", "Forgejo's runner", "act.md"),
    Sign::set("GITEA_ACTIONS", "Gitea's runner", "act.md"),
    Sign::set("ACT", "act", "act.md"),
    Sign::set("GITHUB_ACTIONS", "GitHub Actions", "github-actions.md"),
    Sign { value: Some("false"), ..Sign::set("GITLAB_CI", "gitlab-ci-local", "gitlab-ci-local.md") },
    Sign::set("GITLAB_CI", "GitLab Runner", "gitlab-runner.md"),
    Sign::set("JENKINS_URL", "Jenkins", "jenkins.md"),
    Sign::set("CIRCLECI", "CircleCI", "circleci.md"),
    Sign::set("PRE_COMMIT", "pre-commit", "pre-commit.md"),
    Sign::set("CROSS_CONTAINER_IN_CONTAINER", "cross", "cross.md"),
    Sign::set("CROSS_DOCKER_IN_DOCKER", "cross", "cross.md"),
    Sign::set("TESTCONTAINERS_HOST_OVERRIDE", "Testcontainers", "testcontainers.md"),
    Sign::set("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE", "Testcontainers", "testcontainers.md"),
    Sign::set("DOCKGE_STACKS_DIR", "Dockge", "compose-managers.md"),
    Sign::set("REMOTE_CONTAINERS", "a dev container", "devcontainers.md"),
    Sign::set("CODESPACES", "a dev container", "devcontainers.md"),
];

impl Sign {
    const fn set(variable: &'static str, system: &'static str, page: &'static str) -> Self {
        Self { variable, value: None, system, page }
    }

    fn holds(&self, value: impl Fn(&str) -> Option<String>) -> bool {
        value(self.variable).is_some_and(|value| match self.value {
            Some(meant) => value == meant,
            None => !["", "0", "false"].contains(&value.as_str()),
        })
    }
}

/// Names the system, where this process is in a container.
pub(super) fn of_process() -> Option<Check> {
    if surroundings::in_container() { named(|variable| env::var(variable).ok()) } else { None }
}

fn named(value: impl Fn(&str) -> Option<String>) -> Option<Check> {
    let Sign { variable, system, page, .. } = SIGNS.iter().find(|sign| sign.holds(&value))?;
    let remedy = format!("how it fails, and the recipe: docs/systems/{page}");
    Some(Check::note("system", format!("{system}, as {variable} says"), &remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(variables: &[(&str, &str)]) -> Option<String> {
        let value =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        named(value).map(|check| format!("{} → {}", check.text, check.remedies[0]))
    }

    #[test]
    fn a_system_is_known_by_its_variable() {
        let said = said(&[("CI", "true"), ("JENKINS_URL", "https://ci.example.org/")]).unwrap();
        assert_eq!(
            said,
            "Jenkins, as JENKINS_URL says → how it fails, and the recipe: docs/systems/jenkins.md"
        );
    }

    #[test]
    fn the_one_is_meant_that_sets_the_variables_of_another_too() {
        for (variables, page) in [
            (&[("GITHUB_ACTIONS", "true"), ("ACT", "true")][..], "act.md"),
            (&[("GITHUB_ACTIONS", "true"), ("GITEA_ACTIONS", "true")], "act.md"),
            (&[("GITHUB_ACTIONS", "true")], "github-actions.md"),
            (&[("GITLAB_CI", "false")], "gitlab-ci-local.md"),
            (&[("GITLAB_CI", "true")], "gitlab-runner.md"),
        ] {
            assert!(said(variables).unwrap().ends_with(page), "{variables:?}");
        }
    }

    #[test]
    fn without_a_sign_nothing_is_said() {
        assert_eq!(said(&[("CI", "true"), ("GITHUB_ACTIONS", ""), ("CIRCLECI", "false")]), None);
    }

    #[test]
    fn every_page_is_there_and_in_the_table() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let table = std::fs::read_to_string(format!("{docs}/systems.md")).unwrap();
        for Sign { page, .. } in &SIGNS {
            assert!(std::path::Path::new(&format!("{docs}/systems/{page}")).is_file(), "{page}");
            assert!(table.contains(&format!("(systems/{page})")), "{page}");
        }
    }
}
