//! Tasks that last as long as the program: one that ends by a defect is started again.

use crate::events::{Event, Events};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};

/// The first pause before a task is started again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest: soon enough that somebody who watches the log sees it come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs what `start` makes until it ends by itself. `task` is one of [`crate::events::TASKS`]. Aborted, it ends at once.
pub(super) fn lasting<F>(
    task: &'static str,
    events: Events,
    start: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut set = JoinSet::new();
            set.spawn(start());
            match set.join_next().await {
                Some(Err(ended)) if ended.is_panic() => {
                    events.emit(Event::TaskRestarted { task });
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                _ => return,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_breaks_is_started_again_further_apart_and_one_that_ends_is_not() {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let began = tokio::time::Instant::now();
        let task = lasting("page_cache", Events::log_only(), move || {
            let start = counted.fetch_add(1, Ordering::SeqCst);
            async move { assert!(start == 3, "a defect") }
        });
        task.await.unwrap();
        assert_eq!(starts.load(Ordering::SeqCst), 4);
        assert_eq!(began.elapsed(), Duration::from_secs(1 + 2 + 4));
    }
}
