//! Mail goes by STARTTLS to a relay whose certificate is trusted, and to no other.

use serde_json::Value;

use crate::harness::certificates::Authority;
use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::peers::Mailbox;
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// The deliveries by mail to this receiver's one integration.
async fn delivery(server: &Server, receiver: &str) -> Option<Value> {
    let deliveries = server.items("deliveries").await;
    deliveries.into_iter().find(|delivery| delivery["receiver"] == receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_starttls_to_a_trusted_relay_only() {
    let (trusted, foreign) = (Authority::new(), Authority::new());
    let home = tempfile::tempdir().unwrap();
    let Some(mailbox) = Mailbox::start_private(home.path(), &trusted.issue()).await else { return };
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let email = |ca: &str| {
        format!(
            "{{to: {ca}@example.com, from: isobar@example.com, smarthost: \"127.0.0.1:{}\", tls_config: {{ca_file: {ca}.pem}}}}",
            mailbox.port
        )
    };
    // The receiver of the route's root trusts the relay's authority, the one of its other branch does not.
    let receivers = format!(
        "      email_configs: [{}]\n    - name: misled\n      email_configs: [{}]\n",
        email("trusted"),
        email("foreign")
    );
    let both = "routes: [{receiver: ops, continue: true}, {receiver: misled}]";
    let config = config(&[exporter.url()], &receivers)
        .replace("repeat_interval: 1h", &format!("repeat_interval: 1h, {both}"));
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("isobar.yaml", &config);
    write("policies.yaml", MEMORY_POLICY);
    write("trusted.pem", &trusted.pem());
    write("foreign.pem", &foreign.pem());
    let server = Server::start_in(home.path()).await;

    eventually("the mail", || async {
        delivery(&server, "ops").await.filter(|delivery| delivery["state"] == "sent")
    })
    .await;
    let refused = eventually("several tries with a relay that is not trusted", || async {
        delivery(&server, "misled").await.filter(|delivery| delivery["attempts"].as_u64() >= Some(2))
    })
    .await;
    let error = refused["last_error"].as_str().unwrap();
    assert!(refused["state"] == "failed" && error.to_lowercase().contains("certificate"), "{refused}");
    let mails = mailbox.messages();
    assert!(mails.len() == 1 && mails[0].contains("X-Envelope-To: trusted@example.com"), "{mails:?}");
    assert!(mails[0].contains("X-Tls: TLSv1.3") && mails[0].contains("MemoryFull"), "{}", mails[0]);

    // The page that waits leaves once the authority is known.
    write("foreign.pem", &trusted.pem());
    assert_eq!(server.reload().await.0, 200);
    eventually("the other mail", || async { (mailbox.messages().len() == 2).then_some(()) }).await;
    assert!(mailbox.messages()[1].contains("X-Envelope-To: foreign@example.com"));
}
