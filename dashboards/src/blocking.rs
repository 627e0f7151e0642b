//! Calls that may block, off the async threads and a limited number at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// No place was free in time.
    Queued,
    /// It took too long. It keeps its place until it ends.
    TimedOut,
    /// It panicked.
    Panicked,
}

/// Calls `work` on a thread that may block, when one of the places is free; waits no longer than `patience` in all.
pub(crate) async fn blocking<T, F>(
    places: &Arc<Semaphore>,
    patience: Duration,
    work: F,
) -> Result<T, Interrupted>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let deadline = Instant::now() + patience;
    let place = timeout_at(deadline, places.clone().acquire_owned()).await;
    let place = place.map_err(|_| Interrupted::Queued)?.map_err(|_| Interrupted::Queued)?;
    let call = tokio::task::spawn_blocking(move || {
        let answer = work();
        drop(place);
        answer
    });
    match timeout_at(deadline, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Interrupted::Panicked),
        Err(_) => Err(Interrupted::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_given_up_keeps_its_place_until_it_ends() {
        let places = Arc::new(Semaphore::new(1));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let short = Duration::from_millis(5);
        let stuck = blocking(&places, short, move || wait.recv()).await;
        assert_eq!(stuck.err(), Some(Interrupted::TimedOut));
        assert_eq!(blocking(&places, short, || 1).await, Err(Interrupted::Queued));
        drop(release);
        assert_eq!(blocking(&places, Duration::from_secs(10), || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let places = Arc::new(Semaphore::new(1));
        let answer = blocking(&places, Duration::from_secs(10), || panic!("expected by the test")).await;
        assert_eq!(answer, Err::<(), _>(Interrupted::Panicked));
        assert_eq!(places.available_permits(), 1);
    }
}
