//! The web page: its own checks, its tests in a browser, and what is generated for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

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
    let (server, address) = Server::start()?;
    ensure!(npm(&["run", "--silent", "api", "--", &address]).status()?.success(), "npm run api failed");
    drop(server);
    build("build")
}

fn build(ui: &str) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["build", "--workspace", "--all-targets"]).env("ISOBAR_UI", ui);
    ensure!(command.status()?.success(), "the binary does not build");
    Ok(())
}

/// A server without any source, which is asked about its API and ended.
struct Server(Child);

impl Server {
    /// Starts one; its address too.
    fn start() -> Result<(Self, String)> {
        let home = tools::target_dir().join("tmp/ui");
        std::fs::create_dir_all(&home)?;
        std::fs::write(home.join("isobar.yaml"), "{}\n")?;
        let mut command = Command::new(tools::target_dir().join("debug/isobar"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(&home).env("RUST_LOG", "error");
        let mut server = Self(command.stdout(Stdio::piped()).spawn().context("starting the server")?);
        let output = server.0.stdout.take().context("its output was piped")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let address = said.trim().split_once("listening on ").map(|(_, address)| address.to_owned());
        Ok((server, address.with_context(|| format!("the server did not start: {said:?}"))?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that anybody wants.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
