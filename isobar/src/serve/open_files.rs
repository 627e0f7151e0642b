//! The limit on open files: raised as far as the operating system lets us, because every connection, log and block takes
//! one, and the usual soft limit of 1024 is for programs that use select(2).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Connections of the API (768), one for each of some hundred targets and receivers, and the store's files.
const ENOUGH: u64 = 4096;

/// Raises the soft limit to the hard one, and says so where that is little.
pub fn raise_limit() {
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before })
    {
        warn!(%error, "the limit on open files could not be raised");
    }
    let current = getrlimit(Resource::Nofile).current;
    if let Some(current) = current.filter(|current| *current < ENOUGH) {
        warn!(current, enough = ENOUGH, "few files may be open at once: raise LimitNOFILE or ulimit -n");
    }
}
