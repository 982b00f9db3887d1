//! Prints what a path of this process is to the Docker engine: `cargo run --example host_path -- /app/storage/tmp`.

use std::env;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: host_path PATH")?;
    println!("{}", hostward_client::host_path(path).await?.display());
    Ok(())
}
