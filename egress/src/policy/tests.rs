//! Targets that are let through and targets that are not, before anything is resolved.

use super::*;

const HTTP: &[&str] = &["http", "https"];
const ALL: &[&str] = &["http", "https", "smtp", "smtps"];

/// `expected` is the target as shown, or the word of the refusal.
#[track_caller]
fn check(options: &EgressOptions, trust: Trust, schemes: &[&str], url: &str, expected: Result<&str, &str>) {
    let parsed = Url::parse(url).unwrap();
    let shown = match options.target(&parsed, trust, schemes) {
        Ok(target) => Ok(target.to_string()),
        Err(EgressError::Refused { refusal, .. }) => Err(refusal.as_str()),
        Err(other) => panic!("{url}: {other}"),
    };
    assert_eq!(shown.as_deref().map_err(|word| *word), expected, "{url} for {trust:?}");
}

#[test]
fn every_spelling_of_a_forbidden_address_is_refused() {
    for (url, class) in [
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://169.254.169.254./", "metadata"),
        ("http://2852039166/", "metadata"),
        ("http://0xa9fea9fe/", "metadata"),
        ("http://0251.0376.0251.0376/", "metadata"),
        ("http://0xa9.254.0251.254/", "metadata"),
        ("http://169.254.43518/", "metadata"),
        ("http://[::ffff:a9fe:a9fe]/", "metadata"),
        ("http://[::ffff:169.254.169.254]/", "metadata"),
        ("http://[64:ff9b::169.254.169.254]/", "metadata"),
        ("http://[2002:a9fe:a9fe::]/", "metadata"),
        ("http://[fd00:ec2::254]/", "metadata"),
        ("http://100.100.100.200/", "metadata"),
        ("http://168.63.129.16/", "metadata"),
        ("http://１６９.２５４.１６９.２５４/", "metadata"),
        ("http://①⑥⑨.254.169.254/", "metadata"),
        ("http://169。254。169。254/", "metadata"),
        ("http://%31%36%39.254.169.254/", "metadata"),
        ("http://metadata.google.internal/computeMetadata/v1/", "metadata"),
        ("http://METADATA.google.internal./", "metadata"),
        ("http://127.0.0.1/", "loopback"),
        ("http://127.1/", "loopback"),
        ("http://127.0.0.1./", "loopback"),
        ("http://2130706433/", "loopback"),
        ("http://0x7f000001/", "loopback"),
        ("http://017700000001/", "loopback"),
        ("http://0x7f.1/", "loopback"),
        ("http://[::1]/", "loopback"),
        ("http://[0:0:0:0:0:ffff:7f00:1]/", "loopback"),
        ("http://0.0.0.0/", "unspecified"),
        ("http://0/", "unspecified"),
        ("http://[::]/", "unspecified"),
        ("http://10.0.0.1/", "private"),
        ("http://192.168.257/", "private"),
        ("http://[fe80::1]/", "link_local"),
        ("http://[64:ff9b::8.8.8.8]/", "wrapped"),
        ("http://[2002:7f00:1::]/", "wrapped"),
        ("http://255.255.255.255/", "reserved"),
    ] {
        check(&EgressOptions::default(), Trust::Guarded, HTTP, url, Err(class));
        if class == "metadata" {
            check(&EgressOptions::default(), Trust::Operator, HTTP, url, Err(class));
        }
    }
}

#[test]
fn schemes_ports_and_credentials() {
    let options = EgressOptions::default();
    for (url, expected) in [
        ("https://example.com/hook", Ok("example.com:443")),
        ("http://example.com/", Ok("example.com:80")),
        ("http://EXAMPLE.com.:8080/", Ok("example.com.:8080")),
        ("https://bücher.example/", Ok("xn--bcher-kva.example:443")),
        ("https://8.8.8.8/", Ok("8.8.8.8:443")),
        ("https://[2606:4700::1111]:8443/", Ok("[2606:4700::1111]:8443")),
        ("http://example.com:22/", Err("port")),
        ("http://example.com:25/", Err("port")),
        ("http://example.com:1023/", Err("port")),
        ("http://example.com:0/", Err("host")),
        ("ftp://example.com/", Err("scheme")),
        ("file:///etc/passwd", Err("scheme")),
        ("gopher://example.com:70/x", Err("scheme")),
        ("unix:/var/run/docker.sock", Err("scheme")),
        ("http://user@example.com/", Err("userinfo")),
        ("http://user:secret@example.com/", Err("userinfo")),
        ("http://example.com@127.0.0.1/", Err("userinfo")),
        ("http://./", Err("host")),
        ("http://169.254.169.254../", Err("host")),
        ("http://metadata.google.internal../", Err("host")),
        ("http://.example.com/", Err("host")),
        ("http://hook..example.com/", Err("host")),
    ] {
        check(&options, Trust::Guarded, HTTP, url, expected);
    }
    check(&options, Trust::Operator, HTTP, "http://10.0.0.7:22/", Ok("10.0.0.7:22"));
    check(&options, Trust::Operator, HTTP, "http://user@10.0.0.7/", Err("userinfo"));
    check(&options, Trust::Operator, HTTP, "http://169.254.1.1:9100/", Err("metadata"));
}

#[test]
fn mail_has_its_own_ports_and_numbers_in_its_hosts_are_read() {
    let options = EgressOptions::default();
    for (url, expected) in [
        ("smtp://mail.example.com", Ok("mail.example.com:587")),
        ("smtps://mail.example.com", Ok("mail.example.com:465")),
        ("smtp://mail.example.com:25", Ok("mail.example.com:25")),
        ("smtp://mail.example.com:80", Err("port")),
        ("smtp://127.1:2525", Err("loopback")),
        ("smtp://2852039166:2525", Err("metadata")),
        ("smtp://[::1]:2525", Err("loopback")),
        ("smtp:mail", Err("host")),
    ] {
        check(&options, Trust::Guarded, ALL, url, expected);
    }
    check(&options, Trust::Guarded, HTTP, "smtp://mail.example.com", Err("scheme"));
}

#[test]
fn allowed_networks_open_all_but_metadata() {
    let allow = |net: &str| EgressOptions { allow_private: vec![net.parse().unwrap()], ..Default::default() };
    check(&allow("127.0.0.0/8"), Trust::Guarded, HTTP, "http://127.1:9093/", Ok("127.0.0.1:9093"));
    check(
        &allow("127.0.0.0/8"),
        Trust::Guarded,
        HTTP,
        "http://[::ffff:127.0.0.1]:9093/",
        Ok("[::ffff:127.0.0.1]:9093"),
    );
    check(&allow("127.0.0.0/8"), Trust::Guarded, HTTP, "http://127.0.0.1:22/", Err("port"));
    check(&allow("127.0.0.0/8"), Trust::Guarded, HTTP, "http://10.0.0.1/", Err("private"));
    check(&allow("0.0.0.0/0"), Trust::Guarded, HTTP, "http://169.254.169.254/", Err("metadata"));
    check(&allow("169.254.0.0/16"), Trust::Guarded, HTTP, "http://169.254.169.254/", Err("metadata"));
    check(&allow("::/0"), Trust::Guarded, HTTP, "http://[fd00:ec2::254]/", Err("metadata"));
    check(&allow("::/0"), Trust::Guarded, HTTP, "http://[64:ff9b::a9fe:a9fe]/", Err("metadata"));
    check(&allow("fd12::/16"), Trust::Guarded, HTTP, "http://[fd12::1]/", Ok("[fd12::1]:80"));
}

#[test]
fn credential_providers_reach_their_five_addresses_and_nothing_else() {
    let refused = Err("credential_provider");
    for (url, expected) in [
        ("http://169.254.169.254/latest/api/token", Ok("169.254.169.254:80")),
        ("http://169.254.169.254/metadata/identity/oauth2/token", Ok("169.254.169.254:80")),
        ("http://169.254.170.2/v2/credentials/x", Ok("169.254.170.2:80")),
        ("http://169.254.170.23/v1/credentials", Ok("169.254.170.23:80")),
        ("http://[fd00:ec2::23]/v1/credentials", Ok("[fd00:ec2::23]:80")),
        ("http://[fd00:ec2::254]/latest/api/token", Ok("[fd00:ec2::254]:80")),
        ("http://169.254.169.254:80/", Ok("169.254.169.254:80")),
        ("http://169.254.169.254:8080/", refused),
        ("https://169.254.169.254/", refused),
        ("https://169.254.169.254:80/", refused),
        ("http://169.254.169.253/", refused),
        ("http://169.254.170.3/", refused),
        ("http://169.254.0.1/", refused),
        ("http://[fd00:ec2::1]/", refused),
        ("http://[fd20:ce::254]/", refused),
        ("http://[fe80::a9fe:a9fe]/", refused),
        ("http://100.100.100.200/", refused),
        ("http://168.63.129.16/", refused),
        ("http://192.0.0.192/", refused),
        ("http://[::ffff:169.254.169.254]/", refused),
        ("http://[64:ff9b::169.254.169.254]/", refused),
        ("http://[2002:a9fe:a9fe::]/", refused),
        ("http://metadata.google.internal/", refused),
        ("http://instance-data.ec2.internal/", refused),
        ("http://innocent.example/", refused),
        ("http://127.0.0.1/", refused),
        ("http://10.0.0.1/", refused),
        ("http://8.8.8.8/", refused),
        ("http://user@169.254.169.254/", Err("userinfo")),
        ("ftp://169.254.169.254/", Err("scheme")),
    ] {
        // What the operator lists for others opens nothing here.
        let open = EgressOptions {
            allow_private: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
            ..EgressOptions::default()
        };
        for options in [&EgressOptions::default(), &open] {
            check(options, Trust::CredentialProvider, HTTP, url, expected);
        }
    }
}

#[test]
fn messages_name_the_place_and_keep_the_path() {
    let url = Url::parse("http://10.0.0.1/services/T0/B0/token?key=secret").unwrap();
    let error = EgressOptions::default().target(&url, Trust::Guarded, HTTP).unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused to connect to http://10.0.0.1: 10.0.0.1 is not public but private (RFC 1918); \
         security.allow_private_targets may list its network"
    );
}
