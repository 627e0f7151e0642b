//! PromQL with the semantics of Prometheus 3: parse, plan, evaluate over columns it is handed.
//!
//! A query becomes a typed plan once; evaluating it asks a [`SeriesSource`] for whole series and works on dense
//! matrices, one row a series and one column a step, so that labels are looked at once per series and never per
//! step. Nothing here stores samples, speaks HTTP or reads the wall clock. Native histograms, the `fill`,
//! `anchored` and `smoothed` modifiers, duration expressions and `info()` are refused when a query is parsed.
//!
//! ```
//! use isobar_normalizer::{Matcher, TimeRange, Timestamp};
//! use isobar_promql::{EngineOptions, Query, SeriesSource, SourceError, SourceSeries, Value};
//!
//! struct Nothing;
//! impl SeriesSource for Nothing {
//!     fn select(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
//!         Ok(Vec::new())
//!     }
//!     fn lookback_max(&self) -> std::time::Duration {
//!         std::time::Duration::ZERO
//!     }
//! }
//!
//! let query = Query::parse("2 * 21").unwrap();
//! let at = Timestamp::from_millis(1_700_000_000_000);
//! let answer = query.instant(at, &Nothing, &EngineOptions::default()).unwrap();
//! assert_eq!(answer.value, Value::Scalar(at, 42.0));
//! ```

mod aggregate;
mod answer;
mod calendar;
mod error;
mod evaluate;
mod group;
mod histogram;
mod leaf;
mod matching;
mod math;
mod matrix;
mod notes;
mod number;
mod operator;
mod order;
mod plan;
mod quantile;
mod query;
mod rank;
mod relabel;
mod set;
mod source;
mod sum;
mod text;
mod window;

pub use answer::{Answer, InstantSample, RangeSeries, Value};
pub use error::QueryError;
pub use number::{format_scalar, format_value};
pub use query::{EngineOptions, Query, parse_matchers};
pub use source::{SeriesSource, SourceError, SourceSeries};
