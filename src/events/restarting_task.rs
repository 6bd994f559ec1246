//! Tasks that last as long as the program: one that ends by a defect is started again.

use super::{Event, Events};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// The first pause before a task is started again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest: soon enough that somebody who watches the log sees it come back. A task that ran longer than this
/// begins again with the first.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs what `start` makes until it ends by itself. `task` is one of [`super::TASKS`]. Aborted, it ends at once.
pub fn spawn_restarting<F>(
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
            let began = Instant::now();
            let mut set = JoinSet::new();
            set.spawn(start());
            match set.join_next().await {
                Some(Err(ended)) if ended.is_panic() => {
                    events.emit(Event::TaskRestarted { task });
                    if began.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
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
        let began = Instant::now();
        let task = spawn_restarting("page_cache", Events::log_only(), move || {
            let start = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if start == 3 {
                    // It runs well for long: what was before does not count.
                    tokio::time::sleep(Duration::from_secs(100)).await;
                }
                assert!(start == 4, "a defect")
            }
        });
        task.await.unwrap();
        assert_eq!(starts.load(Ordering::SeqCst), 5);
        assert_eq!(began.elapsed(), Duration::from_secs(1 + 2 + 4 + 100 + 1));
    }
}
