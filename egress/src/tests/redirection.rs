//! Attempts to be led to a target that was not checked.

use super::*;
use crate::{AddressClass, Refusal};

#[track_caller]
fn assert_refused(result: Result<Response, EgressError>, expected: AddressClass) {
    match result {
        Err(EgressError::Refused { refusal: Refusal::Address { class, .. }, .. }) => {
            assert_eq!(class, expected)
        }
        other => panic!("expected a refusal as {expected}, got {other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_changes_to_loopback_after_the_check_is_refused() {
    let server = Server::start(OK, After::Close).await;
    let egress = egress(&[], Script::of("rebind.example", &[&["93.184.216.34"], &["127.0.0.1"]]));
    let url = server.url("rebind.example");

    let checked = egress.check(&url.parse().unwrap(), Trust::Guarded).await.unwrap();
    assert_eq!(
        checked,
        ["93.184.216.34".parse().map(|ip: IpAddr| (ip, server.address.port()).into()).unwrap()]
    );
    assert_refused(fetch(&egress, Trust::Guarded, &url).await, AddressClass::Loopback);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn one_bad_address_among_good_ones_refuses_the_name() {
    let server = Server::start(OK, After::Close).await;
    for answer in
        [["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["::ffff:127.0.0.1", "2606:4700::1"]]
    {
        let egress = egress(&[], Script::of("mixed.example", &[&answer]));
        let url = server.url("mixed.example");
        assert_refused(fetch(&egress, Trust::Guarded, &url).await, AddressClass::Loopback);
        assert!(egress.check(&url.parse().unwrap(), Trust::Guarded).await.is_err());
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn addresses_in_the_url_skip_the_resolver_but_not_the_check() {
    let server = Server::start(OK, After::Close).await;
    let egress = egress(&[], Script::of("unused", &[]));
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "127.0.0.1."] {
        assert_refused(fetch(&egress, Trust::Guarded, &server.url(host)).await, AddressClass::Loopback);
    }
    assert_refused(fetch(&egress, Trust::Guarded, &server.url("0.0.0.0")).await, AddressClass::Unspecified);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn metadata_is_refused_to_everybody() {
    let egress = egress(&["0.0.0.0/0", "::/0"], Script::of("innocent.example", &[&["169.254.169.254"]]));
    for trust in [Trust::Operator, Trust::Guarded] {
        for url in ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://innocent.example/"] {
            assert_refused(fetch(&egress, trust, url).await, AddressClass::Metadata);
        }
        let by_name = fetch(&egress, trust, "http://metadata.google.internal/").await.unwrap_err();
        assert!(
            matches!(by_name, EgressError::Refused { refusal: Refusal::MetadataName(_), .. }),
            "{by_name:?}"
        );
    }
}

#[tokio::test]
async fn a_credential_provider_goes_by_no_name_and_no_proxy() {
    let egress = egress(&["0.0.0.0/0"], Script::of("imds.example", &[&["169.254.169.254"]]));
    let error = fetch(&egress, Trust::CredentialProvider, "http://imds.example/").await.unwrap_err();
    assert!(matches!(error, EgressError::Refused { refusal: Refusal::CredentialProvider, .. }), "{error:?}");
    let proxy = Some("http://127.0.0.1:3128".parse().unwrap());
    let options = ClientOptions { proxy, ..ClientOptions::new(Trust::CredentialProvider) };
    assert!(matches!(egress.client(options), Err(EgressError::Options(_))));
    // What the checks let through is what is connected to.
    let metadata = "http://169.254.169.254/latest/api/token".parse().unwrap();
    let addresses = egress.check(&metadata, Trust::CredentialProvider).await.unwrap();
    assert_eq!(addresses, ["169.254.169.254:80".parse().unwrap()]);
    assert_refused(fetch(&egress, Trust::Operator, metadata.as_str()).await, AddressClass::Metadata);
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let inner = Server::start(OK, After::Close).await;
    for location in ["http://169.254.169.254/latest/meta-data/".to_owned(), inner.url("127.0.0.1")] {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let server = Server::start(answer, After::Close).await;
        let egress = egress(&["127.0.0.0/8"], Script::of("hook.example", &[&["127.0.0.1"]]));
        let response = fetch(&egress, Trust::Guarded, &server.url("hook.example")).await.unwrap();
        assert_eq!(response.status, 302);
        assert_eq!(response.headers["location"], location);
        assert_eq!(server.connections(), 1);
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn the_operator_and_the_list_open_private_targets() {
    let server = Server::start(OK, After::Close).await;
    let names = Script::of("prometheus.local", &[&["127.0.0.1"]]);
    for host in ["127.0.0.1", "prometheus.local"] {
        let url = server.url(host);
        let open = fetch(&egress(&[], Arc::clone(&names)), Trust::Operator, &url).await.unwrap();
        assert_eq!((open.status.as_u16(), &open.body[..]), (200, &b"fine"[..]));
        let listed =
            fetch(&egress(&["127.0.0.0/8"], Arc::clone(&names)), Trust::Guarded, &url).await.unwrap();
        assert_eq!(listed.status, 200);
    }
    let head = server.heads.lock()[2].clone();
    assert!(head.starts_with("GET /path?query=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: prometheus.local:{}\r\n", server.address.port())), "{head}");
    assert!(head.contains(concat!("user-agent: isobar/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    let server = Server::start(OK, After::Close).await;
    let egress = egress(&[], Script::of("two.example", &[&["127.0.0.99", "127.0.0.1"]]));
    assert_eq!(fetch(&egress, Trust::Operator, &server.url("two.example")).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_silent_address_does_not_hide_a_living_one() {
    let server = Server::start(OK, After::Close).await;
    // A queue of connections that nobody accepts: once it is full, the kernel drops what else comes.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind(SocketAddr::new("127.0.0.98".parse().unwrap(), server.address.port())).unwrap();
    let silent = silent.listen(1).unwrap();
    let address = silent.local_addr().unwrap();
    let mut queued = Vec::new();
    let connect =
        || tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(address));
    while let Ok(connection) = connect().await {
        queued.push(connection.unwrap());
    }
    let egress = egress(&[], Script::of("two.example", &[&["127.0.0.98", "127.0.0.1"]]));
    let response = fetch(&egress, Trust::Operator, &server.url("two.example")).await.unwrap();
    assert!(response.elapsed < Duration::from_secs(2), "{:?}", response.elapsed);
}
