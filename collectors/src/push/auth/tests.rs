use std::path::Path;

use isobar_normalizer::SecretReference;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_000);

struct Secrets;

impl SecretReader for Secrets {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        match reference {
            SecretReference::Env(name) if name == "WHSEC" => {
                Ok("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())
            }
            _ => Ok("swordfish".to_owned()),
        }
    }
}

fn key(auth: &str) -> HookKey {
    serde_saphyr::from_str::<HookAuth>(auth).unwrap().reveal(&Secrets).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn check(auth: &str, pairs: &[(&'static str, &str)], query: &str, body: &str, expected: Verdict) {
    let verdict = key(auth).verify(&headers(pairs), query, body.as_bytes(), NOW);
    assert_eq!(verdict, expected, "{auth} {pairs:?} {query}");
}

#[test]
fn tokens_and_passwords() {
    use Verdict::{Refused, Unverified, Verified};
    let hash = hex::encode(Sha256::digest("s3cret"));
    let (bearer, query) = (format!("bearer: {{sha256: {hash}}}"), format!("query: {{sha256: {hash}}}"));
    let basic = "basic: {username: am, password: '${env:P}'}";
    check(&bearer, &[("authorization", "Bearer s3cret")], "", "", Verified);
    check(&bearer, &[("authorization", "Basic s3cret")], "", "", Refused);
    check(&bearer, &[("authorization", "Bearer s3cre")], "", "", Refused);
    check(&bearer, &[], "token=s3cret", "", Refused);
    check(&query, &[], "a=b&token=s3cret", "", Verified);
    check(&query, &[], "token=", "", Refused);
    let pair = format!("Basic {}", STANDARD.encode("am:swordfish"));
    check(basic, &[("authorization", &pair)], "", "", Verified);
    check(basic, &[("authorization", "Basic ====")], "", "", Refused);
    check("none: true", &[], "", "", Unverified);
}

#[test]
fn standard_webhooks_by_the_published_vector() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/alerts/notify/signature_vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let vector = |name: &str| vectors["standard_webhooks"][name].as_str().unwrap().to_owned();
    let key = key("standard_webhooks: {secret: '${env:WHSEC}'}");
    let sent_at = vector("webhook-timestamp").parse::<i64>().unwrap() * 1000;
    let verdict = |signature: &str, body: &str, late_ms: i64| {
        let pairs = [
            ("webhook-id", vector("webhook-id")),
            ("webhook-timestamp", vector("webhook-timestamp")),
            ("webhook-signature", signature.to_owned()),
        ];
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        key.verify(&headers, "", body.as_bytes(), Timestamp::from_millis(sent_at + late_ms))
    };
    let (signature, body) = (vector("webhook-signature"), vector("body"));
    assert_eq!(verdict(&signature, &body, 0), Verdict::Verified);
    assert_eq!(verdict(&format!("v1a,x {signature}"), &body, 300_000), Verdict::Verified);
    assert_eq!(verdict(&signature, &body, 300_001), Verdict::Refused);
    assert_eq!(verdict(&signature, &body, -300_001), Verdict::Refused);
    assert_eq!(verdict(&signature, &format!("{body} "), 0), Verdict::Refused);
    assert_eq!(verdict("v1,", &body, 0), Verdict::Refused);
    assert_eq!(key.verify(&HeaderMap::new(), "", b"", NOW), Verdict::Refused);
}

#[test]
fn grafana_signs_the_body_and_perhaps_a_time() {
    use Verdict::{Refused, Verified};
    let sign = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"swordfish").unwrap();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let plain = "grafana: {secret: '${env:G}'}";
    check(plain, &[("x-grafana-alerting-signature", &sign("{}"))], "", "{}", Verified);
    check(plain, &[("x-grafana-alerting-signature", &sign("{}"))], "", "{ }", Refused);
    check(plain, &[("x-grafana-alerting-signature", "zz")], "", "{}", Refused);
    let timed = "grafana: {secret: '${env:G}', header: X-Sig, timestamp_header: X-Time, tolerance: 1m}";
    let at = "1614265330";
    check(timed, &[("x-sig", &sign(&format!("{at}:{{}}"))), ("x-time", at)], "", "{}", Verified);
    check(timed, &[("x-sig", &sign("{}"))], "", "{}", Refused);
    let old = "1614265269";
    check(timed, &[("x-sig", &sign(&format!("{old}:{{}}"))), ("x-time", old)], "", "{}", Refused);
}

#[test]
fn one_way_is_configured_and_said_aloud() {
    for wrong in [
        "{}",
        "none: false",
        "{none: true, bearer: {sha256: 00}}",
        "bearer: {sha256: token}",
        "basic: {username: a}",
        "standard_webhooks: {secret: '${env:X}', tolerance: 0s}",
        "hmac: {}",
    ] {
        assert!(serde_saphyr::from_str::<HookAuth>(wrong).is_err(), "{wrong}");
    }
    let literal: HookAuth = serde_saphyr::from_str("basic: {username: a, password: b}").unwrap();
    assert!(literal.reveal(&Secrets).is_err());
    let wrong_form: HookAuth = serde_saphyr::from_str("standard_webhooks: {secret: '${env:X}'}").unwrap();
    assert!(wrong_form.reveal(&Secrets).is_err());
    assert_eq!(format!("{:?}", key("none: true")), "***");
}
