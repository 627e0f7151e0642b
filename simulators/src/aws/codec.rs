//! The two encodings of one value model: CBOR as Smithy RPC v2 has it, JSON as AWS JSON 1.0 and 1.1 have it.

pub(crate) mod cbor;
pub(crate) mod json;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DecodeError(String);

/// Nothing in these models nests deeper.
const DEPTH_MAX: usize = 32;
