//! What the API serves, over the store, the journal and the alert centre.

mod alertmanager;
mod alerts;
mod catalogue;
mod estate;
mod hooks;
mod incidents;
mod intake;
mod operations;
mod overview;
mod people;
mod replay;
mod runbooks;
mod sql;

pub use alertmanager::{AlertmanagerViews, ShownConfiguration};
pub use alerts::AlertViews;
pub use estate::EstateViews;
pub use hooks::{ALERTMANAGER, AlertIntake, Hooks};
pub use incidents::IncidentViews;
pub use intake::{Push, PushIntake, REMOTE_WRITE};
pub use operations::{MetricsPage, ReloadRequest, ServerOperations};
pub use people::{PeopleViews, SilenceViews};
pub use replay::Replayer;
pub use runbooks::RunbookViews;
pub use sql::SqlViews;
