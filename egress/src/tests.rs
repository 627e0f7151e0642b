//! The whole client against servers on loopback, with names that resolve to whatever a test says.

mod faults;
mod proxies;
mod redirection;
mod transport;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::error::Cause;
use crate::resolve::{Resolve, Resolving};
use crate::{ClientOptions, Egress, EgressError, EgressOptions, Request, Response, Trust};

/// Answers each name with its next list of addresses; the last list stays.
#[derive(Debug, Default)]
struct Script(Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>);

impl Script {
    fn of(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers.iter().map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(HashMap::from([(name.to_owned(), parsed.collect())]))))
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let mut names = self.0.lock();
        let answer = match names.get_mut(name) {
            Some(answers) if answers.len() > 1 => Ok(answers.pop_front().unwrap()),
            Some(answers) => Ok(answers.front().cloned().unwrap_or_default()),
            None => Err(Arc::new(std::io::Error::other("no such name")) as Cause),
        };
        Box::pin(async { answer })
    }
}

fn egress(allow_private: &[&str], names: Arc<Script>) -> Egress {
    let allow_private = allow_private.iter().map(|net| net.parse().unwrap()).collect();
    let options =
        EgressOptions { allow_private, connect_timeout: Duration::from_secs(5), ..EgressOptions::default() };
    Egress::with_resolver(options, names)
}

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(10),
        response_max: 1 << 20,
    }
}

async fn fetch(egress: &Egress, trust: Trust, url: &str) -> Result<Response, EgressError> {
    egress.client(ClientOptions::new(trust)).unwrap().send(get(url)).await
}

/// A server that answers the heads it reads with fixed bytes, one after the other, and then closes the connection or keeps
/// it open and silent.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum After {
    Close,
    Stall,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>, after: After) -> Self {
        Self::start_in_turn(vec![answer.into()], after).await
    }

    async fn start_in_turn(answers: Vec<Vec<u8>>, after: After) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let server = Self { address, connections: Arc::clone(&connections), heads: Arc::clone(&heads) };
        let answers = Arc::new(answers);
        tokio::spawn(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (answers, heads) = (Arc::clone(&answers), Arc::clone(&heads));
                tokio::spawn(async move {
                    for answer in answers.iter() {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            let Ok(byte) = tcp.read_u8().await else { return };
                            head.push(byte);
                        }
                        heads.lock().push(String::from_utf8(head).unwrap());
                        if tcp.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                    if after == After::Stall {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/path?query=1", self.address.port())
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine";
