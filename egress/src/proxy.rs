//! HTTP proxies: a tunnel by `CONNECT` (RFC 9110 9.3.6), for plain HTTP as for TLS, so that what is spoken inside is between
//! us and the target.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::error::EgressError;
use crate::policy::{EgressOptions, Target, Trust};

/// The longest head of an answer that is read: proxies answer with a line and a few headers.
const ANSWER_BYTES_MAX: usize = 8 * 1024;

/// A proxy named in the operator's file. Prints without its credentials.
pub(crate) struct Proxy {
    pub(crate) target: Target,
    /// A whole header line, or nothing.
    authorization: String,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`.
    pub(crate) fn parse(url: &Url, options: &EgressOptions) -> Result<Self, EgressError> {
        let mut bare = url.clone();
        let stripped = bare.set_username("").and_then(|()| bare.set_password(None));
        let without_path =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if stripped.is_err() || !without_path {
            return Err(EgressError::Options("a proxy is http://host:port and nothing behind it".to_owned()));
        }
        let target = options.target(&bare, Trust::Operator, &["http"])?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = if url.username().is_empty() && url.password().is_none() {
            String::new()
        } else {
            let pair = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
            format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair))
        };
        Ok(Self { target, authorization })
    }

    /// Asks for a tunnel to `destination`, `host:port`, over a fresh connection to the proxy.
    pub(crate) async fn open(&self, mut tcp: TcpStream, destination: &str) -> Result<TcpStream, EgressError> {
        let failed = |answer: String| EgressError::Proxy {
            proxy: self.target.to_string(),
            target: destination.to_owned(),
            answer,
        };
        let question =
            format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n{}\r\n", self.authorization);
        tcp.write_all(question.as_bytes()).await.map_err(|error| failed(error.to_string()))?;

        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == ANSWER_BYTES_MAX {
                return Err(failed(format!("head of its answer is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            // Byte by byte, a few hundred once per connection: nothing behind the head may be taken from the tunnel.
            let byte = tcp.read_u8().await.map_err(|error| failed(error.to_string()))?;
            answer.push(byte);
        }
        let status_line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        let mut words = status_line.split(' ');
        let http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
        let status = words.next().and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(200..=299) if http => Ok(tcp),
            _ => Err(failed(status_line.chars().filter(|c| !c.is_control()).take(200).collect())),
        }
    }
}
