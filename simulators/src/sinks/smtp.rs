//! A mail server that keeps what it gets: SMTP with 8BITMIME, SIZE and STARTTLS.
//!
//! Source: RFC 5321, sections 3.3, 4.1.1, 4.5.2 and 4.5.3; RFC 3207; RFC 1870.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::received::{Mail, Received};
use crate::clock::Clock;
use crate::faults::{Call, Fault, Provider};
use crate::server::{Server, Shared};

/// The largest mail in bytes.
const MAIL_MAX: usize = 10 * 1_024 * 1_024;
/// The longest line of a command in bytes, with its end.
const COMMAND_MAX: u64 = 2_048;
/// Recipients of one mail. Section 4.5.3.1.8: at least a hundred.
const RECIPIENTS_MAX: usize = 100;
/// Sessions at once.
const SESSIONS_MAX: usize = 256;
/// How long a session may be silent. Section 4.5.3.2.7: five minutes.
const SILENCE: Duration = Duration::from_secs(300);
/// How often an address is tried again that cannot be bound.
const REBIND: Duration = Duration::from_millis(50);
/// The name in greetings and in the certificate.
const NAME: &str = "localhost";

/// The server before it runs.
#[derive(Clone)]
pub(crate) struct Smtp {
    received: Arc<Received>,
    clock: Clock,
    tls: TlsAcceptor,
    /// What a client must trust for STARTTLS, as PEM.
    pub(crate) certificate: String,
}

impl Smtp {
    pub(super) fn new(received: Arc<Received>, clock: Clock) -> Self {
        let names = vec![NAME.to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate for plain names");
        let certificate = made.cert.pem();
        let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
        let key =
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key that was just made");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key belongs to the certificate");
        Self { received, clock, tls: TlsAcceptor::from(Arc::new(config)), certificate }
    }

    /// Binds the address and serves until [`Shared::stop`] is cancelled.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) async fn serve(self, listen: SocketAddr, shared: Shared) -> std::io::Result<Server> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(self.accept(listener, address, shared));
        Ok(Server { address, task })
    }

    async fn accept(self, listener: TcpListener, address: SocketAddr, shared: Shared) {
        let mut changes = shared.faults.changes();
        let mut listener = Some(listener);
        let mut sessions = JoinSet::new();
        loop {
            while sessions.try_join_next().is_some() {}
            if shared.faults.refuses(Provider::Sinks) {
                listener = None;
                sessions.abort_all();
            } else if listener.is_none() {
                match TcpListener::bind(address).await {
                    Ok(bound) => listener = Some(bound),
                    Err(_) => tokio::time::sleep(REBIND).await,
                }
            }
            let is_refusing = shared.faults.refuses(Provider::Sinks);
            let incoming = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    // Not bound yet, though nothing keeps it: it is tried again.
                    None if !is_refusing => Err(std::io::ErrorKind::AddrInUse.into()),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shared.stop.cancelled() => break,
                _ = changes.changed() => {}
                accepted = incoming => {
                    // A connection that cannot be accepted concerns nobody else.
                    let Ok((stream, _)) = accepted else { continue };
                    if sessions.len() < SESSIONS_MAX {
                        sessions.spawn(session(self.clone(), shared.clone(), stream));
                    }
                }
            }
        }
        // Mails that are only half there are sent again by whoever sends them.
        sessions.shutdown().await;
    }
}

/// How a conversation ended.
enum End {
    Quit,
    /// The client wants to go on under TLS.
    StartTls,
}

/// What happens to a mail that is complete.
enum Fate {
    Keep,
    Reply(&'static str),
    Stall,
    Reset,
}

fn fate(shared: &Shared) -> Fate {
    let call = Call { operation: "Smtp".to_owned(), region: String::new() };
    for fault in shared.faults.of_call(Provider::Sinks, &call) {
        return match fault {
            Fault::Throttled => Fate::Reply("450 4.7.1 Too many messages, try again later"),
            Fault::Failing | Fault::ErrorIn200 => Fate::Reply("451 4.3.0 Local error in processing"),
            Fault::Status { code: 400..=499, .. } => Fate::Reply("550 5.7.1 Message refused"),
            Fault::Status { .. } => Fate::Reply("451 4.3.0 Local error in processing"),
            Fault::Malformed | Fault::WrongType => Fate::Reply("hello"),
            Fault::Stall | Fault::Drip => Fate::Stall,
            Fault::Reset => Fate::Reset,
            _ => continue,
        };
    }
    Fate::Keep
}

async fn session(smtp: Smtp, shared: Shared, stream: TcpStream) {
    // Sessions that break are the client's affair.
    let _ = conversation(&smtp, &shared, stream).await;
}

async fn conversation(smtp: &Smtp, shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let greeting = format!("220 {NAME} ESMTP\r\n");
    stream.write_all(greeting.as_bytes()).await?;
    if let End::Quit = talk(smtp, shared, &mut stream, false).await? {
        return Ok(());
    }
    // What was sent before the handshake does not count: RFC 3207, section 6.
    let secured = smtp.tls.accept(stream.into_inner()).await?;
    talk(smtp, shared, &mut BufReader::new(secured), true).await.map(drop)
}

async fn talk<S>(smtp: &Smtp, shared: &Shared, stream: &mut BufReader<S>, tls: bool) -> std::io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut greeted = false;
    let mut envelope: Option<(String, Vec<String>)> = None;
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut *stream).take(COMMAND_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        let Ok(read) = tokio::time::timeout(SILENCE, read).await else {
            stream.write_all(b"421 4.4.2 Silence for too long\r\n").await?;
            return Ok(End::Quit);
        };
        if read? == 0 {
            return Ok(End::Quit);
        }
        if !line.ends_with(b"\r\n") {
            stream.write_all(b"500 5.5.2 Line too long, or without its end\r\n").await?;
            return Ok(End::Quit);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                (greeted, envelope) = (true, None);
                let starttls = if tls { "" } else { "250-STARTTLS\r\n" };
                format!("250-{NAME}\r\n{starttls}250-8BITMIME\r\n250 SIZE {MAIL_MAX}")
            }
            "HELO" => {
                (greeted, envelope) = (true, None);
                format!("250 {NAME}")
            }
            "STARTTLS" if !tls => {
                stream.write_all(b"220 2.0.0 Go ahead\r\n").await?;
                return Ok(End::StartTls);
            }
            "NOOP" => "250 2.0.0 Ok".to_owned(),
            "RSET" => {
                envelope = None;
                "250 2.0.0 Ok".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 2.0.0 Bye\r\n").await?;
                return Ok(End::Quit);
            }
            "MAIL" if !greeted => "503 5.5.1 Say EHLO first".to_owned(),
            "MAIL" => match path(rest, "FROM:") {
                Some((from, parameters)) if size(parameters) <= MAIL_MAX => {
                    envelope = Some((from, Vec::new()));
                    "250 2.1.0 Ok".to_owned()
                }
                Some(_) => "552 5.3.4 Message too large".to_owned(),
                None => "501 5.5.4 Syntax: MAIL FROM:<address>".to_owned(),
            },
            "RCPT" => match (&mut envelope, path(rest, "TO:")) {
                (None, _) => "503 5.5.1 Say MAIL first".to_owned(),
                (Some(_), None) => "501 5.5.4 Syntax: RCPT TO:<address>".to_owned(),
                (Some(_), Some((to, _))) if to.is_empty() => "553 5.1.3 No recipient".to_owned(),
                (Some((_, to)), Some(_)) if to.len() >= RECIPIENTS_MAX => {
                    "452 4.5.3 Too many recipients".to_owned()
                }
                (Some((_, all)), Some((to, _))) => {
                    all.push(to);
                    "250 2.1.5 Ok".to_owned()
                }
            },
            "DATA" => match envelope.take() {
                Some((from, to)) if !to.is_empty() => {
                    stream.write_all(b"354 End data with <CR><LF>.<CR><LF>\r\n").await?;
                    match (data(stream).await?, fate(shared)) {
                        (None, _) => "552 5.3.4 Message too large".to_owned(),
                        (Some(_), Fate::Reset) => return Ok(End::Quit),
                        (Some(_), Fate::Stall) => {
                            tokio::time::sleep(SILENCE).await;
                            return Ok(End::Quit);
                        }
                        (Some(_), Fate::Reply(reply)) => reply.to_owned(),
                        (Some(data), Fate::Keep) => {
                            smtp.received.mail(Mail { at: smtp.clock.now(), from, to, tls, data });
                            "250 2.0.0 Ok: queued".to_owned()
                        }
                    }
                }
                _ => "503 5.5.1 Say MAIL and RCPT first".to_owned(),
            },
            _ => "502 5.5.2 Command not recognized".to_owned(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// Reads `FROM:<a@b> SIZE=1`: the address, and the parameters.
fn path<'a>(text: &'a str, word: &str) -> Option<(String, &'a str)> {
    let head = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = text[head.len()..].trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    Some((address.to_owned(), parameters))
}

fn size(parameters: &str) -> usize {
    let size = parameters
        .split_whitespace()
        .find_map(|it| it.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok());
    size.unwrap_or(0)
}

/// Reads a mail up to the lone dot, and takes away the dots that were doubled; none when it is too large.
async fn data<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
) -> std::io::Result<Option<String>> {
    let mut mail = Vec::new();
    let mut size = 0;
    loop {
        let mut line = Vec::new();
        let left = (MAIL_MAX + 2).saturating_sub(mail.len()) as u64;
        // A mail that is too large is read to its end all the same, a bounded piece at a time.
        let mut bounded = (&mut *stream).take(left.max(COMMAND_MAX));
        let read = bounded.read_until(b'\n', &mut line);
        let read = tokio::time::timeout(SILENCE, read).await.map_err(|_| std::io::ErrorKind::TimedOut)??;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            break;
        }
        size += line.len();
        if size <= MAIL_MAX {
            mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
    Ok((size <= MAIL_MAX).then(|| String::from_utf8_lossy(&mail).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_out_of_their_brackets() {
        assert_eq!(path("FROM:<a@b> SIZE=12", "FROM:"), Some(("a@b".to_owned(), " SIZE=12")));
        assert_eq!(path("from: <>", "FROM:"), Some((String::new(), "")));
        assert_eq!(path("TO:a@b", "TO:"), None);
        assert_eq!((size(" BODY=8BITMIME size=12"), size("")), (12, 0));
    }
}
