//! The same requests to a real Prometheus over the same samples: the answers are the same.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fake::{self, Fake};

/// A server that is ended with the test.
struct Prometheus {
    process: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts Prometheus over the fake's samples; `None` where it is not installed.
fn start(dir: &Path) -> Option<Prometheus> {
    let mut page = String::from("# TYPE up gauge\n");
    for series in fake::stored() {
        let job = series.labels.get("job").unwrap();
        for (at, value) in series.timestamps.iter().zip(&series.values) {
            page.push_str(&format!("up{{code=\"200\",job=\"{job}\"}} {value} {}\n", *at as f64 / 1000.0));
        }
    }
    page.push_str("# EOF\n");
    std::fs::write(dir.join("page"), page).unwrap();
    std::fs::write(dir.join("prometheus.yml"), "{}").unwrap();
    let filled = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "page", "data"])
        .current_dir(dir)
        .output()
        .ok()?;
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let mut process = Command::new("prometheus")
        .args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.listen-address=127.0.0.1:0",
        ])
        .args(["--storage.tsdb.retention.time=100y", "--log.level=info"])
        .current_dir(dir)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    // The two lines come from two of its tasks, in either order.
    let (mut port, mut ready) = (None, false);
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("msg=\"Listening on\" address=127.0.0.1:") {
            port = rest.trim().parse().ok();
        }
        ready |= line.contains("Server is ready");
        if ready && port.is_some() {
            break;
        }
    }
    // Its log goes on; a full pipe would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Prometheus { process, port: port.expect("it says where it listens") })
}

impl Prometheus {
    async fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // HTTP/1.0: the answer comes in one piece.
        stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
    }
}

#[tokio::test]
async fn answers_are_those_of_prometheus() {
    let dir = tempfile::tempdir().unwrap();
    let Some(prometheus) = start(dir.path()) else {
        eprintln!("skipped: prometheus and promtool are not installed");
        return;
    };
    let router = Fake::new().router("{}");
    let mut different = Vec::new();
    let all_of_time = "start=1699999000&end=1700000001";
    for path in [
        "query?query=up&time=1700000000",
        "query?query=up%7Bjob=%22a%22%7D&time=2023-11-14T22:13:20.5Z",
        "query?query=sum%20by%20(code)%20(up)&time=1699999990.25",
        "query?query=rate(up%5B5m%5D)&time=1700000000",
        "query?query=up%5B3m%5D&time=1700000030",
        "query?query=1/3&time=1",
        "query?query=1e21&time=0.001",
        "query?query=vector(-Inf)&time=-1.5",
        "query?query=NaN&time=1",
        "query?query=%22a%5C%22%5Cn%22&time=1.5",
        "query?query=nothing&time=1",
        "query?query=up%20/%20up&time=1700000000",
        "query?query=scalar(vector(1e-7))&time=1",
        "query?query=scalar(nothing)&time=1",
        "query?query=vector(1e-7)&time=1",
        "query?query=vector(1e21)&time=1",
        "query?query=up&time=x",
        "query?query=up&time=1&timeout=x",
        "query_range?query=up&start=1699999400&end=1700000000&step=3m20s",
        "query_range?query=up&start=1699999400&end=1700000000&step=150.5",
        "query_range?query=time()&start=1&end=3&step=1",
        "query_range?query=up&start=2&end=1&step=1",
        "query_range?query=up&start=1&end=2&step=0",
        "query_range?query=up&start=1&end=2&step=-1",
        "query_range?query=up&start=1&end=2&step=x",
        "query_range?query=up&start=1&end=2",
        "query_range?query=up&start=1&end=20000&step=1",
        "query_range?query=up&start=x&end=2&step=1",
        "query_range?query=up&start=1&step=1",
        "series",
        "series?match%5B%5D=up",
        "series?match%5B%5D=up&start=x",
        "series?match%5B%5D=nothing",
        "series?match%5B%5D=up%7Bjob=%22a%22%7D&match%5B%5D=up%7Bjob=~%22a%7Cb%22%7D",
        "labels",
        "labels?match%5B%5D=nothing",
        "label/job/values",
        "label/nothing/values",
        "label/job/values?match%5B%5D=up%7Bjob!=%22a%22%7D",
        "metadata?metric=nothing",
        "metadata?limit=0",
        "metadata?limit=x",
    ] {
        let has_range = path.starts_with("query") || path.contains("start=");
        let joint = if path.contains('?') { "&" } else { "?" };
        let range = if has_range { String::new() } else { format!("{joint}{all_of_time}") };
        let path = format!("/api/v1/{path}{range}");
        let theirs = prometheus.get(&path).await;
        let ours = fake::get(&router, &path).await;
        let (ours, theirs) =
            ((ours.status.as_u16(), comparable(ours.json())), (theirs.0, comparable(theirs.1)));
        if ours != theirs {
            different.push(format!("{path}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The order of series in an instant vector is not promised by either, and infos came with Prometheus 3.
fn comparable(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("infos");
    }
    if let Some(result) = answer.pointer_mut("/data/result").and_then(Value::as_array_mut)
        && result.iter().all(Value::is_object)
    {
        result.sort_by_key(Value::to_string);
    }
    answer
}
