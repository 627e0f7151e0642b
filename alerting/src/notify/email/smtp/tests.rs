use isobar_egress::EgressOptions;
use isobar_normalizer::{SecretReader, SecretReference};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::config::AlertingConfig;
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};
use crate::notify::{Message, NotifyError};

struct NoSecrets;

impl SecretReader for NoSecrets {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        Err(format!("{reference:?} is not there"))
    }
}

/// A relay for one connection: offers what it is told to, answers `DATA`'s end with `verdict`, or hangs up where
/// that is empty, and returns the commands it got.
async fn relay(offers: &'static str, verdict: &'static str) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut commands = Vec::new();
        let mut in_data = false;
        write.write_all(b"220 relay.test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = if in_data {
                in_data = line != ".";
                if !in_data && verdict.is_empty() {
                    break;
                }
                if in_data { String::new() } else { format!("{verdict}\r\n") }
            } else {
                match line.split(' ').next().unwrap_or_default() {
                    "EHLO" => format!("250-relay.test\r\n{offers}250 8BITMIME\r\n"),
                    "AUTH" => "235 ok\r\n".to_owned(),
                    "DATA" => {
                        in_data = true;
                        "354 go on\r\n".to_owned()
                    }
                    _ => "250 ok\r\n".to_owned(),
                }
            };
            commands.push(line);
            write.write_all(answer.as_bytes()).await.unwrap();
        }
        commands
    });
    (port, serving)
}

/// Sends one mail through a relay configured with these further keys.
async fn send(port: u16, keys: &str) -> Result<Receipt, NotifyError> {
    let config = AlertingConfig::parse(&format!(
        "route: {{receiver: r}}\nreceivers: [{{name: r, email_configs: [{{to: 'a@example.org, b@example.org', from: i@example.org, smarthost: '127.0.0.1:{port}', {keys}}}]}}]\n"
    ))
    .unwrap();
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let external_url = Url::parse("http://isobar.example/").unwrap();
    let tools = Tools { secrets: &NoSecrets, egress: &egress, external_url: &external_url };
    let notifier = config.receivers[0].integrations[0].settings.build(&tools).unwrap();
    let firing =
        alert("alertname=HighCpu", crate::AlertState::Firing, isobar_normalizer::Severity::Error, START);
    let (notification, delivery) = told(&[firing], Reason::First);
    let message = Message::new(&notification, &delivery, false, START);
    notifier.notify(message).await
}

#[tokio::test]
async fn a_mail_is_handed_over_with_login() {
    let (port, serving) = relay("250-AUTH PLAIN LOGIN\r\n", "250 2.0.0 queued as 4711").await;
    let receipt = send(port, "require_tls: false, auth_username: u, auth_password: p, hello: isobar.test")
        .await
        .unwrap();
    assert_eq!((receipt.status, receipt.body.as_str()), (250, "2.0.0 queued as 4711"));
    let commands = serving.await.unwrap();
    for expected in
        ["EHLO isobar.test", "AUTH PLAIN AHUAcA==", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]
    {
        assert!(commands.iter().any(|line| line == expected), "{expected} is missing in {commands:#?}");
    }
    assert!(commands.iter().any(|line| line.starts_with("MAIL FROM:<i@example.org>")), "{commands:#?}");
    assert!(
        commands.iter().any(|line| line == "Subject: [FIRING:1] HighCpu (saturation error)"),
        "{commands:#?}"
    );
}

#[tokio::test]
async fn what_a_relay_says_decides_about_another_try() {
    for (verdict, status, retry) in [("451 later", 451, Retry::Backoff), ("554 never", 554, Retry::Never)] {
        let (port, _serving) = relay("", verdict).await;
        match send(port, "require_tls: false").await {
            Err(NotifyError::Answer { status: found, retry: then, .. }) => {
                assert_eq!((found, then), (status, retry))
            }
            other => panic!("{verdict}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn without_starttls_no_mail_leaves_where_tls_is_required() {
    let (port, serving) = relay("", "250 ok").await;
    let refused = send(port, "require_tls: true").await.unwrap_err();
    assert_ne!(refused.retry(), Retry::Never, "the relay may offer it again: {refused}");
    let commands = serving.await.unwrap();
    assert!(!commands.iter().any(|line| line.starts_with("MAIL")), "{commands:#?}");
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = send(port, "require_tls: false").await.unwrap_err();
    assert!(matches!(error, NotifyError::Unreachable { retry: Retry::Backoff, .. }), "{error:?}");
}

/// How a mail straight to this port fails.
async fn failure(port: u16) -> lettre::transport::smtp::Error {
    let relay: AsyncSmtpTransport<Tokio1Executor> =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(port).build();
    let mail = lettre::Message::builder()
        .from("i@example.org".parse().unwrap())
        .to("a@example.org".parse().unwrap())
        .body("x".to_owned())
        .unwrap();
    relay.send(mail).await.unwrap_err()
}

#[tokio::test]
async fn only_a_relay_that_was_not_reached_is_tried_at_its_next_address() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(!was_reached(&failure(nobody).await));

    // Takes everything and is gone before it says so: the mail may be on its way.
    let (port, _serving) = relay("", "").await;
    let error = failure(port).await;
    assert!(was_reached(&error), "{error}");
}
