//! Whether a browser sends a request on behalf of another site's page.

use http::header::{HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Says why an unsafe request is refused: a page of another site made a browser send it, with whatever credentials the
/// browser adds by itself. What is not sent by a browser carries neither header and passes.
///
/// `host` is whom the request is for; `external` the address users know.
pub(crate) fn cross_origin(
    method: &Method,
    headers: &HeaderMap,
    host: &Authority,
    external: Option<&Url>,
) -> Option<&'static str> {
    if method.is_safe() {
        return None;
    }
    let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Some(
            "a page of another site may not send this: Sec-Fetch-Site is neither same-origin nor none",
        );
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    let foreign = origins.any(|origin| {
        let origin = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
        !origin.is_some_and(|origin| is_ours(&origin, host, external))
    });
    foreign.then_some("a page of another site may not send this: Origin is not this server")
}

/// The origin's host and port are those the request is for, or its whole origin is the external one.
fn is_ours(origin: &Url, host: &Authority, external: Option<&Url>) -> bool {
    if external.is_some_and(|external| external.origin() == origin.origin()) {
        return true;
    }
    let default_port = match origin.scheme() {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let origin_host = origin.host_str().unwrap_or_default();
    origin_host.eq_ignore_ascii_case(host.host())
        && origin.port().unwrap_or(default_port) == host.port_u16().unwrap_or(default_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, pairs: &[(&str, &str)], refused: bool) {
        let headers: HeaderMap =
            pairs.iter().map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse().unwrap())).collect();
        let host = "127.0.0.1:9797".parse().unwrap();
        let external = Url::parse("https://isobar.example.org").unwrap();
        let answer = cross_origin(&method, &headers, &host, Some(&external));
        assert_eq!(answer.is_some(), refused, "{method} {pairs:?}");
    }

    #[test]
    fn only_our_own_pages_and_programs_may_change_things() {
        check(Method::POST, &[], false);
        check(Method::POST, &[("origin", "http://127.0.0.1:9797"), ("sec-fetch-site", "same-origin")], false);
        check(Method::POST, &[("origin", "https://isobar.example.org")], false);
        check(Method::POST, &[("sec-fetch-site", "none")], false);
        check(Method::POST, &[("origin", "http://127.0.0.1:3000")], true);
        check(Method::POST, &[("origin", "http://evil.example")], true);
        check(Method::POST, &[("origin", "http://isobar.example.org")], true);
        check(Method::POST, &[("origin", "null")], true);
        check(Method::PUT, &[("sec-fetch-site", "cross-site")], true);
        check(Method::DELETE, &[("sec-fetch-site", "same-site")], true);
        check(Method::GET, &[("origin", "http://evil.example")], false);
    }
}
