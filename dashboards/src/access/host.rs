//! Which names this server answers to: a page of another site that rebinds its own name to our address is refused.

use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

/// The host names a request may be for. Ports are not compared: forwarding changes them and rebinding does not need to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostList {
    names: Vec<String>,
    any_address: bool,
}

impl HostList {
    /// The names of a listener, of its external address, and the configured ones.
    ///
    /// A listener on every address of the machine also answers to any literal address: which ones it has is not known
    /// beforehand, and a literal address cannot be rebound.
    pub(crate) fn new(listen: SocketAddr, external: Option<&str>, extra: &[String]) -> Self {
        let mut names: Vec<String> = extra.iter().map(String::as_str).chain(external).map(fold).collect();
        names.push(listen.ip().to_string());
        if listen.ip().is_loopback() || listen.ip().is_unspecified() {
            names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        }
        Self { names, any_address: listen.ip().is_unspecified() }
    }

    /// Whether the authority names this server.
    pub(crate) fn allows(&self, authority: &Authority) -> bool {
        let name = fold(authority.host());
        self.names.contains(&name) || (self.any_address && name.parse::<IpAddr>().is_ok())
    }
}

/// Lower case, without the brackets of an IPv6 address and the dot that ends a full name.
fn fold(name: &str) -> String {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

/// Whom the request is for: the authority of its target, else its one `Host` header. User names are not tolerated.
pub(crate) fn host_of(request: &Parts) -> Option<Authority> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    let authority = match (request.uri.authority(), header) {
        (Some(authority), _) => authority.clone(),
        (None, header) => header?.to_str().ok()?.parse().ok()?,
    };
    (!authority.as_str().contains('@')).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, host: &str, expected: bool) {
        let list = HostList::new(
            listen.parse().unwrap(),
            Some("isobar.example.org"),
            &["Metrics.Internal".to_owned()],
        );
        assert_eq!(list.allows(&host.parse().unwrap()), expected, "{host} at {listen}");
    }

    #[test]
    fn own_names_are_answered_and_others_are_not() {
        for host in [
            "127.0.0.1:9797",
            "localhost",
            "LOCALHOST.:80",
            "[::1]:9797",
            "isobar.example.org:8443",
            "metrics.internal",
        ] {
            check("127.0.0.1:9797", host, true);
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.io", "127.0.0.2"] {
            check("127.0.0.1:9797", host, false);
        }
        check("0.0.0.0:9797", "10.0.0.1:9797", true);
        check("0.0.0.0:9797", "evil.example", false);
        check("10.0.0.1:9797", "10.0.0.1:9797", true);
        check("10.0.0.1:9797", "localhost", false);
    }

    #[test]
    fn two_hosts_and_user_names_are_nobody() {
        let parts = |build: http::request::Builder| build.body(()).unwrap().into_parts().0;
        let one = parts(http::Request::get("/").header(HOST, "a:1"));
        assert_eq!(host_of(&one).unwrap(), "a:1");
        let absolute = parts(http::Request::get("http://b/").header(HOST, "a"));
        assert_eq!(host_of(&absolute).unwrap(), "b");
        assert_eq!(host_of(&parts(http::Request::get("/").header(HOST, "a").header(HOST, "b"))), None);
        assert_eq!(host_of(&parts(http::Request::get("/").header(HOST, "user@a"))), None);
        assert_eq!(host_of(&parts(http::Request::get("/"))), None);
    }
}
