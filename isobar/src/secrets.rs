//! Reveals secrets from the environment and from files; nothing else in the workspace reads either.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use isobar_normalizer::{SecretReader, SecretReference};

/// A secret longer than this is a wrong path: keys and certificates fit many times over.
const SECRET_MAX: u64 = 64 * 1024;

/// Reads `${env:NAME}` and `${file:path}`.
#[derive(Clone, Debug)]
pub struct EnvironmentAndFiles {
    /// Where relative paths start: the configuration file's folder.
    pub base_dir: PathBuf,
}

impl SecretReader for EnvironmentAndFiles {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        match reference {
            SecretReference::Env(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set, or is not UTF-8: set it before starting")
            }),
            SecretReference::File(path) => {
                let path = self.base_dir.join(path);
                let wrong = |what: String| format!("the secret file {}: {what}", path.display());
                let file = File::open(&path).map_err(|error| wrong(error.to_string()))?;
                let mut text = String::new();
                let read = file
                    .take(SECRET_MAX + 1)
                    .read_to_string(&mut text)
                    .map_err(|error| wrong(error.to_string()))?;
                if read as u64 > SECRET_MAX {
                    return Err(wrong(format!("is over {SECRET_MAX} bytes")));
                }
                let without_newline =
                    text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
                Ok(without_newline.unwrap_or(&text).to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lose_one_final_newline_and_missing_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "s3cret\n\n").unwrap();
        let reader = EnvironmentAndFiles { base_dir: dir.path().to_owned() };
        assert_eq!(reader.read(&SecretReference::File("token".into())).as_deref(), Ok("s3cret\n"));
        let missing = reader.read(&SecretReference::File("nothing".into())).unwrap_err();
        assert!(missing.contains("nothing"), "{missing}");
        let unset = reader.read(&SecretReference::Env("ISOBAR_TEST_UNSET".to_owned())).unwrap_err();
        assert!(unset.contains("ISOBAR_TEST_UNSET"), "{unset}");
    }
}
