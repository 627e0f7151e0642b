//! Tunnels through a proxy.

use super::*;

/// Speaks as proxy and, inside the tunnel, as target.
async fn proxy() -> Server {
    let established = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
    Server::start_in_turn(vec![established, OK.into()], After::Close).await
}

async fn through(server: &Server, user: &str, trust: Trust, url: &str) -> Result<Response, EgressError> {
    let names = Script::of("hook.example", &[&["93.184.216.34"]]);
    let proxy = format!("http://{user}127.0.0.1:{}", server.address.port()).parse().unwrap();
    let options = ClientOptions { proxy: Some(proxy), ..ClientOptions::new(trust) };
    egress(&[], names).client(options).unwrap().send(get(url)).await
}

#[tokio::test]
async fn a_guarded_target_is_asked_for_by_its_checked_address() {
    let server = proxy().await;
    assert_eq!(through(&server, "", Trust::Guarded, "http://hook.example/x").await.unwrap().status, 200);
    assert_eq!(server.heads.lock()[0], "CONNECT 93.184.216.34:80 HTTP/1.1\r\nHost: 93.184.216.34:80\r\n\r\n");
}

#[tokio::test]
async fn an_operators_target_is_asked_for_by_name_with_credentials() {
    let server = proxy().await;
    assert_eq!(
        through(&server, "me:p%40ss@", Trust::Operator, "http://inner.corp/").await.unwrap().status,
        200
    );
    let head = server.heads.lock()[0].clone();
    assert!(head.starts_with("CONNECT inner.corp:80 HTTP/1.1\r\n"), "{head}");
    // base64 of `me:p@ss`
    assert!(head.contains("Proxy-Authorization: Basic bWU6cEBzcw==\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_is_no_way_around_the_guard() {
    let server = proxy().await;
    for (trust, url) in [
        (Trust::Guarded, "http://127.0.0.1/"),
        (Trust::Guarded, "http://10.0.0.1/"),
        (Trust::Operator, "http://169.254.169.254/"),
        (Trust::Operator, "http://metadata.google.internal/"),
    ] {
        let error = through(&server, "", trust, url).await.unwrap_err();
        assert_eq!(error.as_str(), "refused", "{url}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn what_the_proxy_says_is_passed_on() {
    for (answer, said) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 407 Proxy Authentication Required"),
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", "HTTP/1.1 302 Found"),
        ("220 mail ESMTP\r\n\r\n", "220 mail ESMTP"),
    ] {
        let server = Server::start(answer, After::Close).await;
        let error = through(&server, "", Trust::Operator, "http://inner.corp/").await.unwrap_err();
        let EgressError::Proxy { answer, .. } = &error else { panic!("{error:?}") };
        assert_eq!(answer, said);
    }
    let endless = Server::start("x".repeat(100_000), After::Stall).await;
    let error = through(&endless, "", Trust::Operator, "http://inner.corp/").await.unwrap_err();
    assert!(error.to_string().ends_with("head of its answer is larger than 8192 bytes"), "{error}");
}

#[test]
fn only_plain_proxies_are_taken() {
    let egress = egress(&[], Arc::default());
    for url in [
        "https://proxy.corp:3128",
        "socks5://proxy.corp:1080",
        "http://169.254.169.254:3128",
        "http://proxy.corp:3128/path",
        "http://proxy.corp:3128?query",
        "unix:/run/proxy",
    ] {
        let options =
            ClientOptions { proxy: Some(url.parse().unwrap()), ..ClientOptions::new(Trust::Operator) };
        assert!(egress.client(options).is_err(), "{url}");
    }
}
