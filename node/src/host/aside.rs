//! Work that waits for the disk, kept off the threads that serve.
//!
//! A runtime of one thread, as it is under virtual time, does it in place: on another thread chance would decide what comes first. Not
//! here: the log's writer, which has a thread of its own.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

/// Does something that may wait for the disk.
pub async fn aside<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(act()),
        _ => tokio::task::spawn_blocking(act).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_thread_does_it_in_place() {
        let here = std::thread::current().id();
        assert_eq!(aside(|| std::thread::current().id()).await.unwrap(), here);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn of_several_threads_none_that_serves_waits() {
        let here = std::thread::current().id();
        let there = tokio::spawn(async { (std::thread::current().id(), aside(|| std::thread::current().id()).await.unwrap()) });
        let (serves, waits) = there.await.unwrap();
        assert!(waits != serves && waits != here);
    }
}
