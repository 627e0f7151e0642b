//! The web page: its own checks, its tests in a browser, and what is generated for it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::tools;

/// Where the page is made.
const WEB: &str = "dashboards/web";

/// `npm` with these arguments, in the page's folder.
pub fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(WEB);
    command
}

/// Whether what the lockfile names is installed: a build of the binary that made the page has installed it.
pub fn is_installed() -> bool {
    let written = |path: PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let web = Path::new(WEB);
    let installed = written(web.join("node_modules/.package-lock.json"));
    installed
        .is_some_and(|installed| written(web.join("package-lock.json")).is_some_and(|lock| lock <= installed))
}

/// Installs exactly what the lockfile names; nothing of it runs while it is installed.
pub fn install() -> Command {
    npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
}

/// The tests in a browser against the binary that was built, which they start themselves.
pub fn in_browser() -> Command {
    let mut command = npm(&["run", "--silent", "e2e"]);
    command.env("ISOBAR_BIN", tools::target_dir().join("debug/isobar"));
    command.env("ISOBAR_CHROMIUM", tools::CHROMIUM);
    command
}

/// Writes what the page knows of the API, from the server's own description of it, and builds the page anew.
pub fn run() -> Result<()> {
    tools::ensure_node()?;
    if !is_installed() {
        ensure!(install().status()?.success(), "npm ci failed");
    }
    // The description is the server's, whatever page it carries.
    build("skip")?;
    let document = description()?;
    std::fs::write(Path::new(WEB).join("openapi.json"), document)?;
    ensure!(npm(&["run", "--silent", "api"]).status()?.success(), "npm run api failed");
    build("build")
}

fn build(ui: &str) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["build", "--workspace", "--all-targets"]).env("ISOBAR_UI", ui);
    ensure!(command.status()?.success(), "the binary does not build");
    Ok(())
}

/// A server that is asked once and ended.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that anybody wants.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a server without any source says about its API.
fn description() -> Result<String> {
    let home = tools::target_dir().join("tmp/ui");
    std::fs::create_dir_all(&home)?;
    std::fs::write(home.join("isobar.yaml"), "{}\n")?;
    let mut command = Command::new(tools::target_dir().join("debug/isobar"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(&home).env("RUST_LOG", "error");
    let mut server = Server(command.stdout(Stdio::piped()).spawn().context("starting the server")?);
    let mut said = Vec::new();
    let output = server.0.stdout.as_mut().context("its output was piped")?;
    let mut byte = [0];
    while output.read(&mut byte)? == 1 && byte != *b"\n" {
        said.extend(byte);
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    let Some((_, address)) = said.split_once("http://") else { bail!("the server did not start: {said:?}") };
    let mut stream = TcpStream::connect(address.trim())?;
    let host = address.trim();
    // HTTP/1.0: the answer ends with the connection.
    write!(stream, "GET /api/isobar/openapi.json HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the server answered no document")?;
    ensure!(head.split_whitespace().nth(1) == Some("200"), "the server answered {head}");
    Ok(body.to_owned())
}
