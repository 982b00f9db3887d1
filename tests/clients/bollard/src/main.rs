//! bollard, of crates.io. What comes in and what goes out: see ../cases.py.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    let asked: Value = serde_json::from_reader(std::io::stdin())?;
    for case in asked["cases"].as_array().ok_or("no cases")? {
        let mut line = match answer(&docker, &asked, case).await {
            Ok((output, inspect)) => json!({ "output": output, "inspect": inspect }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        line["case"] = case["name"].clone();
        println!("{line}");
    }
    Ok(())
}

async fn answer(docker: &Docker, asked: &Value, case: &Value) -> Result<(String, Value)> {
    let name = format!("{}-{}", text(&asked["run"])?, text(&case["name"])?.replace(' ', "-"));
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    docker.create_container(Some(options), body(asked, case)?).await?;
    let outcome = run(docker, &name).await;
    let remove = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(&name, Some(remove)).await?;
    outcome
}

fn body(asked: &Value, case: &Value) -> Result<ContainerCreateBody> {
    let source = text(&case["source"])?;
    let mount = Mount {
        typ: Some(MountType::BIND),
        source: Some(source.clone()),
        target: Some("/mount".to_owned()),
        ..Default::default()
    };
    let host_config = HostConfig {
        network_mode: Some("none".to_owned()),
        binds: Some(vec![format!("{source}:/bind")]),
        mounts: Some(vec![mount]),
        ..Default::default()
    };
    Ok(ContainerCreateBody {
        image: Some(text(&asked["image"])?),
        cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), text(&case["script"])?]),
        labels: Some(HashMap::from([("hostward-test".to_owned(), text(&asked["label"])?)])),
        host_config: Some(host_config),
        ..Default::default()
    })
}

async fn run(docker: &Docker, name: &str) -> Result<(String, Value)> {
    docker.start_container(name, None::<StartContainerOptions>).await?;
    let mut waited = docker.wait_container(name, None::<WaitContainerOptions>);
    while let Some(status) = waited.next().await {
        status?;
    }
    let logs = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let mut logs = docker.logs(name, Some(logs));
    let mut output = Vec::new();
    while let Some(piece) = logs.next().await {
        output.extend_from_slice(&piece?.into_bytes());
    }
    let inspect = docker.inspect_container(name, None::<InspectContainerOptions>).await?;
    Ok((String::from_utf8(output)?, serde_json::to_value(inspect)?))
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().ok_or("not a text")?.to_owned())
}
