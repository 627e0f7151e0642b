//! The guarded HTTP client: resolves, checks every address, connects to the checked one, caps what it reads.

mod retry;

pub use retry::Retry;

/// The way out.
#[derive(Clone, Debug)]
pub struct Egress;
