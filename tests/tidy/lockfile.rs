//! What the lock file may hold.

/// The versions of a package in the lock file.
fn versions(package: &str) -> Vec<String> {
    let lock = crate::read("Cargo.lock");
    let header = format!("name = \"{package}\"\nversion = \"");
    lock.split(&header).skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

#[test]
fn what_must_be_one_is_one() {
    for package in ["arrow", "parquet", "object_store", "datafusion", "rustls", "hyper", "axum", "prost"] {
        let found = versions(package);
        assert_eq!(found.len(), 1, "{package}: {found:?}");
    }
}

#[test]
fn ring_is_the_only_crypto_provider() {
    for package in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"] {
        assert_eq!(versions(package), Vec::<String>::new(), "{package} is in the lock file");
    }
}
