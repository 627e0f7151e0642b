//! The guarded HTTP client: resolves, checks every address, connects to the checked one, caps what it reads.
//!
//! It never follows a redirect, reads a proxy from the environment, keeps a cookie, decompresses a body, or connects to an
//! address it did not check. Cloud metadata is refused to everybody but the credential providers, which reach nothing else.
//!
//! ```no_run
//! # async fn example() -> Result<(), isobar_egress::EgressError> {
//! use isobar_egress::{ClientOptions, Egress, EgressOptions, Request, Trust};
//!
//! let egress = Egress::new(EgressOptions::default())?;
//! let client = egress.client(ClientOptions::new(Trust::Operator))?;
//! let response = client
//!     .send(Request {
//!         method: http::Method::GET,
//!         url: "http://127.0.0.1:9100/metrics".parse().expect("a constant"),
//!         headers: http::HeaderMap::new(),
//!         body: bytes::Bytes::new(),
//!         timeout: std::time::Duration::from_secs(10),
//!         response_max: 16 << 20,
//!     })
//!     .await?;
//! println!("{} in {:?}", response.status, response.elapsed);
//! # Ok(())
//! # }
//! ```

mod address;
mod breaker;
mod breakers;
mod client;
mod connect;
mod egress;
mod error;
mod excerpt;
mod guard;
mod policy;
mod proxy;
mod resolve;
mod retry;
mod signature;
mod stream;
mod tls;

pub use address::{AddressClass, Classified, classify};
pub use breaker::{Breaker, BreakerOptions, Outcome, Permit};
pub use breakers::Breakers;
pub use client::{Client, ClientOptions, Request, Response};
pub use egress::Egress;
pub use error::{EgressError, Phase, Refusal};
pub use excerpt::excerpt;
pub use policy::{EgressOptions, Trust};
pub use retry::{RETRY_AFTER_MAX, Retry, retry_after};
pub use signature::{SigningKey, webhook_headers};
pub use tls::TlsOptions;

#[cfg(test)]
mod tests;
