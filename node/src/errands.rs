//! What a running node does by itself, nobody asking: the scrub, what each minute and each day bring, notices that wait, and, after a
//! start, queries of before.
//!
//! Each ends when its task is dropped. Not here: the acts themselves (`exchange`, `log`).

use std::sync::Arc;
use std::time::Duration;

use creditbay_crypto::secret::Seed;
use creditbay_protocol::query::Query;
use creditbay_protocol::requester::Asked;
use tokio::task::JoinSet;

use crate::exchange::Exchange;
use crate::log::recover::OpenQuery;
use crate::log::scrub::scrub;

/// Begins all of them.
pub fn begin(exchange: &Arc<Exchange>, unanswered: Vec<OpenQuery>, tasks: &mut JoinSet<()>) {
    tasks.spawn(take_up(exchange.clone(), unanswered));
    tasks.spawn(report_each_minute(exchange.clone()));
    tasks.spawn(scrub_slowly(exchange.clone()));
    tasks.spawn(send_notices(exchange.clone()));
    tasks.spawn(retain_each_day(exchange.clone()));
    tasks.spawn(close_each_second(exchange.clone()));
}

/// Holds what is on disk against the signed root.
async fn scrub_slowly(exchange: Arc<Exchange>) {
    scrub(exchange.log.clone(), &exchange.metrics).await;
}

/// What the budgets of refusals turned away becomes a leaf once its minute is over.
async fn report_each_minute(exchange: Arc<Exchange>) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        exchange.report_turned_away().await;
    }
}

/// Queries that the log could not close when they ended.
async fn close_each_second(exchange: Arc<Exchange>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        exchange.close_waiting().await;
    }
}

/// Notices of erasures go out at once, and again until they are acknowledged.
pub async fn send_notices(exchange: Arc<Exchange>) {
    loop {
        if let Err(error) = exchange.send_notices().await {
            tracing::warn!("notices of erasures wait: {error}");
        }
        let again = tokio::time::sleep(Duration::from_secs(5));
        tokio::select! { biased; () = exchange.erasures.to_send.notified() => {}, () = again => {} }
    }
}

/// Retention runs at the start and on each new day; what failed is tried again a few minutes later.
pub async fn retain_each_day(exchange: Arc<Exchange>) {
    let mut looks = tokio::time::interval(Duration::from_secs(300));
    loop {
        looks.tick().await;
        if !exchange.retained_today() {
            exchange.retain().await;
        }
    }
}

/// Queries of before the last shutdown: those that may still be answered are carried through, the rest are closed. All of it ends where
/// this is dropped.
pub async fn take_up(exchange: Arc<Exchange>, unanswered: Vec<OpenQuery>) {
    let mut taken = JoinSet::new();
    for OpenQuery { index, query, seed } in unanswered {
        let exchange = exchange.clone();
        taken.spawn(async move {
            let ended = if query.expires > exchange.clock.now() {
                resend(&exchange, index, query, seed).await
            } else {
                exchange.close(index, query.issuer).await;
                Ok(())
            };
            if let Err(error) = ended {
                tracing::info!("query {index} of before the restart: {error}");
            }
        });
    }
    while taken.join_next().await.is_some() {}
}

async fn resend(exchange: &Exchange, index: u64, query: Query, seed: Seed) -> Result<(), String> {
    let asked = Arc::new(Asked::new(query, seed));
    let appended = exchange.log.prove(index, &exchange.log.head()).map_err(|error| error.to_string())?;
    exchange.carry_through(asked, appended).await.map(drop).map_err(|error| error.to_string())
}
