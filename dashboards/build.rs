//! Builds the web page once where Node is there, and writes the table of its files that `ui.rs` embeds.
//!
//! The page lies in `web/dist` with the hash of everything it was made from; a page whose hash is another is made anew.
//! `ISOBAR_UI=skip` takes the page that lies there or none. Without a page the binary says what is missing: a build never
//! fails over it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// What the page is made from, beside `src/`.
const INPUTS: [&str; 5] =
    ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
/// Holds the hash of the inputs, in `dist/`.
const STAMP: &str = ".inputs";
/// The oldest Node that Vite runs on. Source: `engines` of Vite 8.
const NODE_LEAST: (u32, u32) = (20, 19);

fn main() {
    let web = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-env-changed=ISOBAR_UI");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", web.join("src").display());
    for input in INPUTS {
        println!("cargo:rerun-if-changed={}", web.join(input).display());
    }
    let page = match std::env::var("ISOBAR_UI").as_deref() {
        Ok("skip") => present(&web),
        Err(_) | Ok("" | "build") => present(&web).or_else(|_| build(&web)),
        Ok(other) => panic!("ISOBAR_UI={other}: it is build, the default, or skip"),
    };
    if let Err(missing) = &page {
        println!("cargo:warning=without the web page: {missing}");
    }
    let table = match &page {
        Ok(dist) => {
            // It was there: when it goes away, it is made again.
            println!("cargo:rerun-if-changed={}", dist.join(STAMP).display());
            embed(dist, &out).expect("the page can be read and copied")
        }
        Err(missing) => table(&[], missing),
    };
    fs::write(out.join("ui_files.rs"), table).expect("OUT_DIR can be written");
}

/// The page that lies there, when it was made from what lies there now.
fn present(web: &Path) -> Result<PathBuf, String> {
    let dist = web.join("dist");
    let stamp = fs::read_to_string(dist.join(STAMP)).unwrap_or_default();
    let wanted = hash(web).map_err(|error| format!("its sources cannot be read: {error}"))?;
    if stamp == wanted {
        Ok(dist)
    } else {
        Err("ISOBAR_UI=skip was set, and none was built of these sources before".to_owned())
    }
}

/// Makes the page: beside the old one, then in its place, so that nobody reads half of it.
fn build(web: &Path) -> Result<PathBuf, String> {
    let lockfile =
        File::open(web.join("package-lock.json")).map_err(|error| format!("package-lock.json: {error}"))?;
    // Two builds at once, of two profiles, would install into each other's feet. Released when the file is closed.
    lockfile.lock().map_err(|error| format!("package-lock.json cannot be locked: {error}"))?;
    if let Ok(dist) = present(web) {
        return Ok(dist);
    }
    check_node()?;
    install(web)?;
    let fresh = web.join("node_modules/.isobar-dist");
    let mut vite = Command::new("node");
    vite.arg("node_modules/vite/bin/vite.js").args([
        "build",
        "--logLevel",
        "warn",
        "--emptyOutDir",
        "--outDir",
    ]);
    run(vite.arg(&fresh).current_dir(web), "vite build")?;
    let dist = web.join("dist");
    let moved = || -> io::Result<()> {
        fs::write(fresh.join(STAMP), hash(web)?)?;
        if dist.exists() {
            fs::remove_dir_all(&dist)?;
        }
        fs::rename(&fresh, &dist)
    };
    moved().map_err(|error| format!("web/dist cannot be written: {error}"))?;
    Ok(dist)
}

fn check_node() -> Result<(), String> {
    let (major, minor) = NODE_LEAST;
    let wanted = format!("Node.js {major}.{minor} or newer");
    let output =
        Command::new("node").arg("--version").output().map_err(|_| format!("{wanted} is not installed"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut parts = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(a), Some(b)) if (a, b) >= NODE_LEAST => Ok(()),
        _ => Err(format!("{wanted} is needed, this is {version:?}")),
    }
}

/// Installs what the lockfile names, unless that is what is installed.
fn install(web: &Path) -> Result<(), String> {
    let lock =
        fs::read(web.join("package-lock.json")).map_err(|error| format!("package-lock.json: {error}"))?;
    let wanted = hex(&Sha256::digest(lock));
    let stamp = web.join("node_modules/.isobar-lock");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.current_dir(web), "npm ci")?;
    fs::write(stamp, wanted).map_err(|error| format!("web/node_modules cannot be written: {error}"))
}

fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{name} does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let last: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = last[last.len().saturating_sub(6)..].join(" | ");
    Err(format!("{name} failed: {last}"))
}

/// SHA-256 over the names and contents of all inputs. Tests of the page are none.
fn hash(web: &Path) -> io::Result<String> {
    let mut files: Vec<PathBuf> = INPUTS.iter().map(|input| web.join(input)).collect();
    list(&web.join("src"), &mut files)?;
    files.retain(|file| !file.to_string_lossy().contains(".test."));
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let name = file.strip_prefix(web).expect("it was listed there").to_string_lossy().into_owned();
        let content = fs::read(&file)?;
        digest.update((name.len() as u64).to_be_bytes());
        digest.update(name);
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
    }
    Ok(hex(&digest.finalize()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Copies the page to where only this build writes, and lists it.
fn embed(dist: &Path, out: &Path) -> io::Result<String> {
    let copy = out.join("ui");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    let mut files = Vec::new();
    list(dist, &mut files)?;
    files.sort();
    let mut rows = Vec::new();
    for file in &files {
        let name = file.strip_prefix(dist).expect("it was listed there");
        let target = copy.join(name);
        fs::create_dir_all(target.parent().expect("it is below the copy"))?;
        fs::copy(file, &target)?;
        let is_listed = name != Path::new(STAMP) && file.extension() != Some(OsStr::new("gz"));
        if is_listed {
            let twin = PathBuf::from(format!("{}.gz", file.display()));
            rows.push((name.to_string_lossy().into_owned(), twin.exists()));
        }
    }
    Ok(table(&rows, ""))
}

/// The table as Rust: name and whether it has a compressed twin.
fn table(rows: &[(String, bool)], missing: &str) -> String {
    let mut text = format!("const MISSING: &str = {missing:?};\nstatic FILES: &[File] = &[\n");
    for (name, has_twin) in rows {
        let plain = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), {:?}))", format!("/ui/{name}"));
        let twin = if *has_twin {
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), {:?})))", format!("/ui/{name}.gz"))
        } else {
            "None".to_owned()
        };
        let _ = writeln!(text, "    File {{ name: {name:?}, plain: {plain}, gzip: {twin} }},");
    }
    text + "];\n"
}
