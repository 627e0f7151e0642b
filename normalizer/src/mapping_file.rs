//! A user's mapping file, of whichever grammar its schema names.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::{ConfigError, Mapping, NativeMapping};

/// A mapping file that was read and found right.
#[derive(Clone, Debug)]
pub enum MappingFile {
    /// For sources that deliver a stream of samples: Prometheus.
    Streaming(Mapping),
    /// For clouds, which are asked for whole periods.
    Native(NativeMapping),
}

/// What both grammars begin with.
#[derive(Deserialize)]
struct Head {
    schema: Spanned<String>,
}

impl MappingFile {
    /// Reads a file by the grammar it names.
    ///
    /// # Errors
    /// An unknown schema, or what [`Mapping::load`] and [`NativeMapping::load`] refuse.
    pub fn load(text: &str) -> Result<Self, ConfigError> {
        let Head { schema } = serde_saphyr::from_str(text)?;
        match schema.value.as_str() {
            crate::mapping::SCHEMA => Mapping::load(text).map(Self::Streaming),
            crate::native::SCHEMA => NativeMapping::load(text).map(Self::Native),
            other => {
                let known = [crate::mapping::SCHEMA, crate::native::SCHEMA].join(" or ");
                Err(ConfigError::at(schema.referenced, format!("unknown schema {other:?}: write {known}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_which_grammar_it_is() {
        let text = include_str!("../mappings/aws/ec2.yaml");
        assert!(matches!(MappingFile::load(text), Ok(MappingFile::Native(_))));
        let text = include_str!("../mappings/prometheus/prometheus.yaml");
        assert!(matches!(MappingFile::load(text), Ok(MappingFile::Streaming(_))));
        let error = MappingFile::load("schema: x\n").unwrap_err().to_string();
        assert_eq!(error, r#"1:9: unknown schema "x": write isobar.mapping/v1 or isobar.cloud-mapping/v1"#);
    }
}
