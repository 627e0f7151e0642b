//! Tasks the server is nothing without: when one of them ends by itself, the server stops and says which, so that
//! whoever supervises the process starts it anew.

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Watches the tasks it spawns.
#[derive(Clone, Debug)]
pub struct Vital {
    ended: watch::Sender<Option<&'static str>>,
}

/// Tells of its task's end, a panic included.
struct Watched {
    name: &'static str,
    ended: watch::Sender<Option<&'static str>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ended.send_if_modified(|first| first.is_none() && first.replace(self.name).is_none());
    }
}

impl Default for Vital {
    fn default() -> Self {
        Self { ended: watch::channel(None).0 }
    }
}

impl Vital {
    /// Spawns a task that must not end before the server does.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let watched = Watched { name, ended: self.ended.clone() };
        tokio::spawn(async move {
            let _watched = watched;
            task.await
        })
    }

    /// Waits for the first one that ends, and names it.
    pub async fn first_ended(&self) -> &'static str {
        let mut ended = self.ended.subscribe();
        let first = ended.wait_for(Option::is_some).await.ok().and_then(|first| *first);
        match first {
            Some(name) => name,
            // The sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_task_that_ends_is_named_even_when_it_panics() {
        let vital = Vital::default();
        let _going_on = vital.spawn("going on", std::future::pending::<()>());
        let _broken = vital.spawn("broken", async { panic!("expected by the test") });
        assert_eq!(vital.first_ended().await, "broken");
        let _late = vital.spawn("late", async {}).await;
        assert_eq!(vital.first_ended().await, "broken");
    }
}
