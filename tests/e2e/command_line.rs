//! What the command line says, where it says it, and with which exit status.

use std::process::{Command, Output};

use crate::harness::server::{binary, run};

fn run_with_log(asked: &str) -> Output {
    Command::new(binary()).arg("kinds").env("RUST_LOG", asked).output().unwrap()
}

#[test]
fn a_log_filter_that_cannot_be_read_is_told() {
    for (asked, is_read) in
        [("debug", true), ("", true), ("isobar_store=debug,warn", true), ("isobar=loud", false)]
    {
        let output = run_with_log(asked);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{asked}: {said}");
        let is_told = said.contains(&format!("RUST_LOG={asked:?} is ignored, info holds"));
        assert_eq!(is_told, !is_read, "{asked}: {said}");
    }
}

#[test]
fn complaints_begin_with_their_place_and_fail() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("isobar.yaml"), "store: {retention: soon}\n").unwrap();
    for command in ["check", "serve"] {
        let output = run(&[command, "--config", "isobar.yaml"], dir.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("isobar.yaml:1:20: "), "{command}: {said}");
    }
}

#[test]
fn what_cannot_be_asked_is_told() {
    let here = std::env::current_dir().unwrap();
    for (arguments, status, words) in [
        (["alerts", "--url", "ftp://127.0.0.1"], 1, "no server's address"),
        (["alerts", "--url", "http://127.0.0.1:1/?x=1"], 1, "no server's address"),
        (["alerts", "--url", "http://127.0.0.1:1"], 1, "127.0.0.1"),
        (["alerts", "--urls", "http://127.0.0.1:1"], 2, "--urls"),
    ] {
        let output = run(&arguments, &here);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
