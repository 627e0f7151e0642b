//! TLS at both ends: the server shows its certificate and takes another without a restart, and targets behind TLS are
//! scraped by who is let in, from whom is trusted.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use sha2::Digest;

use crate::harness::certificates::Authority;
use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::server::Server;

const TOKEN: &str = "iso_tls";

/// A client that trusts this authority alone and shows the token.
fn client(authority: &Authority) -> reqwest::Client {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap());
    authority.client(headers)
}

/// Whether the server shows a certificate of this authority to a new connection, and lets the token in.
async fn is_known_to(server: &Server, authority: &Authority) -> Option<u16> {
    let request = client(authority).get(server.url("/api/isobar/v1/sources"));
    request.send().await.ok().map(|response| response.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_served_over_tls_and_takes_a_new_certificate() {
    let (first, second) = (Authority::new(), Authority::new());
    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "
server: {{tls: {{cert_file: server.pem, key_file: server.key}}}}
security: {{tokens: [{{name: operator, sha256: {}, scopes: [read, write]}}]}}
",
        hex::encode(sha2::Sha256::digest(TOKEN))
    );
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    first.issue().write(home.path(), "server");
    let server = Server::start_in(home.path()).await.with_client(client(&first));
    assert!(server.url("").starts_with("https://"), "{}", server.url(""));
    assert_eq!(server.items("sources").await, Vec::<serde_json::Value>::new());
    let nameless = first.client(HeaderMap::new()).get(server.url("/api/isobar/v1/sources"));
    assert_eq!(nameless.send().await.unwrap().status().as_u16(), 401, "a certificate is no token");
    let plain = server.url("/-/healthy").replace("https://", "http://");
    assert!(server.client().get(plain).send().await.is_err(), "plain HTTP is not spoken");
    assert_eq!(is_known_to(&server, &second).await, None, "another authority's certificate is not shown");

    second.issue().write(home.path(), "server");
    assert_eq!(server.reload().await.0, 200);
    assert_eq!(is_known_to(&server, &second).await, Some(200));
    assert_eq!(is_known_to(&server, &first).await, None, "the former certificate is shown no more");

    // A pair that does not fit changes nothing.
    std::fs::write(home.path().join("server.key"), first.issue().key).unwrap();
    let server = server.with_client(client(&second));
    let (status, message) = server.reload().await;
    assert!(status >= 400 && message.contains("server.key"), "{status} {message}");
    assert_eq!(is_known_to(&server, &second).await, Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_behind_tls_is_scraped_by_who_is_let_in() {
    let (trusted, foreign) = (Authority::new(), Authority::new());
    let target = Exporter::start_guarded("vault_open 1\n", &trusted.issue(), "scraper", "open sesame").await;
    let home = tempfile::tempdir().unwrap();
    let mut config = "sources:\n".to_owned();
    for (name, ca, password) in
        [("good", "trusted", "right"), ("guessing", "trusted", "wrong"), ("misled", "foreign", "right")]
    {
        config += &format!(
            "  - {{name: {name}, kind: prometheus, interval: 1s, settings: {{targets: [{:?}], tls_config: {{ca_file: {ca}.pem}}, basic_auth: {{username: scraper, password: \"${{file:{password}}}\"}}}}}}\n",
            target.url()
        );
    }
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("isobar.yaml", &config);
    write("trusted.pem", &trusted.pem());
    write("foreign.pem", &foreign.pem());
    write("right", "open sesame\n");
    write("wrong", "open barley\n");
    let server = Server::start_in(home.path()).await;

    eventually("the sample", || async { (server.query("vault_open == 1").await.len() == 1).then_some(()) })
        .await;
    for (name, state, word) in [("good", "up", ""), ("guessing", "down", "401"), ("misled", "down", "TLS")] {
        let source = eventually(&format!("{name} to be {state}"), || async {
            let sources = server.items("sources").await;
            sources.into_iter().find(|source| source["name"] == name && source["state"] == state)
        })
        .await;
        let reason = source["reason"].as_str().unwrap_or_default();
        let is_told = ["sesame", "barley"].iter().any(|secret| reason.contains(secret));
        assert!(reason.contains(word) && !is_told, "{name}: {reason}");
    }
    let seen = server.query("vault_open").await;
    assert!(seen.iter().all(|(labels, _)| labels["source"] == "good"), "{seen:?}");

    // What was wrong is put right, and read again with the configuration.
    write("wrong", "open sesame\n");
    write("foreign.pem", &trusted.pem());
    assert_eq!(server.reload().await.0, 200);
    eventually("all three to be up", || async {
        server.items("sources").await.iter().all(|source| source["state"] == "up").then_some(())
    })
    .await;
}
