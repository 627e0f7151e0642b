//! Who may do what: credentials and scopes, which hosts are answered to, and which pages may change things.

mod credentials;
mod headers;
mod host;
mod options;
mod origin;

pub(crate) use credentials::{Access, Denial, Principal};
pub use credentials::{Scope, Scopes};
pub(crate) use headers::secure;
pub(crate) use host::{HostList, host_of};
pub use options::SecurityOptions;
pub(crate) use origin::cross_origin;
