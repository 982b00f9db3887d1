//! The dev container CLI on the host, a dev container that has the engine from outside, and the CLI again in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use hostward_testkit::toolbox::{self, Toolbox};
use hostward_testkit::{OutputText, unique};
use hostward_tests::docker;
use serde_json::{Value, json};

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::said;

const JOB: &str = include_str!("../../systems/devcontainers/job.sh");

#[test]
fn a_workspace_is_mounted_by_both_of_its_names_and_nested_dev_containers_have_it() {
    System {
        name: "Dev containers",
        page: "devcontainers.md",
        client: "@devcontainers/cli 0.89",
        symptom: "No such file or directory",
        says: "the project\nthe project\nthe nested project\n",
        not_on: &[],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let image = unique("hw-devcontainer");
    let _image = built("devcontainers", way.engine, &[&image]);
    fs::create_dir(way.host.join("nested")).unwrap();
    fs::write(way.host.join("who"), "the project\n").unwrap();
    fs::write(way.host.join("nested/who"), "the nested project\n").unwrap();
    fs::write(way.host.join("nested/.devcontainer.json"), json!({ "image": toolbox::IMAGE }).to_string())
        .unwrap();

    let workspace = Workspace::up(way, &image);
    said(&workspace.exec(&["bash", "-c", JOB]))
}

/// The way's folder as a dev container.
struct Workspace<'a> {
    way: &'a Way<'a>,
    toolbox: Toolbox,
    /// Where the dev container has it.
    work: PathBuf,
}

impl<'a> Workspace<'a> {
    fn up(way: &'a Way<'a>, image: &str) -> Self {
        let toolbox = Toolbox::prepare(std::slice::from_ref(way.engine)).unwrap();
        let workspace = Self { way, toolbox, work: way.host.with_extension("work") };
        let spec = workspace.spec(image);
        fs::write(way.host.join(".devcontainer.json"), spec.to_string()).unwrap();
        workspace.devcontainer("up", &[]).succeeded();
        workspace
    }

    /// The example with this image, which has its feature, with the way's socket, and with what is needed to test it.
    fn spec(&self, image: &str) -> Value {
        let example = "../examples/devcontainer-host/.devcontainer/devcontainer.json";
        let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(example)).unwrap();
        let socket = self.way.socket().display().to_string();
        let mut spec: Value =
            serde_json::from_str(&example.replace("/run/hostward/docker.sock", &socket)).unwrap();
        assert!(spec["mounts"].to_string().contains(&socket), "{example}");
        spec.as_object_mut().unwrap().remove("features").unwrap();
        spec["image"] = image.into();
        spec["workspaceFolder"] = self.work.to_str().into();
        let (host, work) = (self.way.host.display(), self.work.display());
        spec["workspaceMount"] = format!("type=bind,source={host},target={work}").into();
        for volume in self.toolbox.volumes(self.way.engine) {
            let [source, target, _] = volume.split(':').collect::<Vec<_>>().try_into().unwrap();
            let mount = format!("type=bind,source={source},target={target},readonly");
            spec["mounts"].as_array_mut().unwrap().push(mount.into());
        }
        spec["remoteEnv"] = toolbox::ENVIRONMENT.into_iter().collect();
        spec["remoteEnv"]["LOCAL_WORKSPACE_FOLDER"] = "${localWorkspaceFolder}".into();
        spec
    }

    fn exec(&self, command: &[&str]) -> Output {
        self.devcontainer("exec", command)
    }

    /// The CLI on the host, by the engine's own socket.
    fn devcontainer(&self, verb: &str, args: &[&str]) -> Output {
        let mut cli = self.toolbox.command("devcontainer");
        cli.envs(self.way.engine.environment())
            .arg(verb)
            .arg("--workspace-folder")
            .arg(self.way.host)
            .args(args);
        cli.stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Workspace<'_> {
    fn drop(&mut self) {
        let nested = self.work.join("nested");
        for folder in [self.way.host, &nested] {
            let label = format!("label=devcontainer.local_folder={}", folder.display());
            let ids = docker(self.way.engine, &self.way.engine.socket, &["ps", "-aq", "--filter", &label]);
            let mut remove = self.way.engine.docker(&["rm", "--force", "--volumes"]);
            let _ = remove.args(ids.split_whitespace()).output();
        }
        let _ = fs::remove_dir_all(&self.work);
    }
}
