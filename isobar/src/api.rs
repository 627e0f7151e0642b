//! What the API serves, over the store, the journal and the alert centre.

mod alerts;
mod catalogue;
mod estate;
mod intake;
mod operations;
mod overview;
mod replay;
mod runbooks;
mod sql;

pub use alerts::AlertViews;
pub use estate::EstateViews;
pub use intake::{Push, PushIntake, REMOTE_WRITE};
pub use operations::{MetricsPage, ReloadRequest, ServerOperations};
pub use replay::Replayer;
pub use runbooks::RunbookViews;
pub use sql::SqlViews;
