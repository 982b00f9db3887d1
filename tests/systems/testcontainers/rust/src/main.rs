//! What tests do with Testcontainers, as in ../web.py.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;

use testcontainers::core::{ExecCommand, IntoContainerPort, Mount, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, GenericImage, ImageExt};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let page = std::env::current_dir()?.join("page");
    let web = GenericImage::new("busybox", "latest")
        .with_exposed_port(80.tcp())
        .with_wait_for(WaitFor::Nothing)
        .with_cmd(["httpd", "-f", "-p", "80", "-h", "/www"])
        .with_mount(Mount::bind_mount(page.display().to_string(), "/www/page"))
        .with_copy_to("/www/copy", page)
        .start()?;
    print!("mounted: {}", shown(&web, "/www/page")?);
    print!("published: {}", fetched(&web)?);
    print!("copied in: {}", shown(&web, "/www/copy")?);
    let out = std::env::current_dir()?.join("out");
    web.copy_file_from("/www/copy", out.clone())?;
    print!("copied out: {}", fs::read_to_string(out)?);
    Ok(())
}

fn shown(web: &Container<GenericImage>, file: &str) -> Result<String> {
    let output = web.exec(ExecCommand::new(["cat", file]))?.stdout_to_vec()?;
    Ok(String::from_utf8(output)?)
}

fn fetched(web: &Container<GenericImage>) -> Result<String> {
    let address = (web.get_host()?.to_string(), web.get_host_port_ipv4(80)?);
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /page HTTP/1.0\r\n\r\n")?;
    let answer = io::read_to_string(connection)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    Ok(body.to_owned())
}
