//! What one exchange costs, as ratios out of one run: `cargo bench -p creditbay-tests --bench exchange [-- SECONDS]`; what
//! witnesses cost: `-- cosigning [SECONDS]`.
//!
//! Two processes: this one is Hong Kong's node, the other Guangzhou's daemon (or, for the comparisons, this same program as a server).
//! Figures of one run belong together; the machine is noisy, so compare ratios, not runs.
#![allow(clippy::print_stdout)]

mod cosigning;
mod echo;
mod load;
mod reference;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use creditbay_node::exchange::ask::Outcome;
use creditbay_node::node::Node;
use harness::log_alone::{self, Batches};
use harness::network::Network;
use harness::questions::{COMPANY, question};
use harness::samples;

use crate::load::{Figures, drive};

const IN_FLIGHT: [usize; 3] = [1, 32, 256];
const REST_ROUNDS: usize = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["echo-server"] => runtime.block_on(echo::serve()),
        ["reference-server", config] => runtime.block_on(reference::serve(Path::new(config))),
        rest => {
            let seconds = Duration::from_secs(rest.iter().find_map(|seconds| seconds.parse().ok()).unwrap_or(4));
            match rest.first() {
                Some(&"cosigning") => runtime.block_on(cosigning::measure(seconds)),
                _ => runtime.block_on(measure(seconds)),
            }
        }
    }
}

async fn measure(time: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut network = Network::lay_out_for_load(folder.path(), &["gz", "hk"])?;
    network.launch("gz")?;
    let files = samples::copy_records("gz", folder.path())?;
    let imported = network.import("gz", &files)?;
    if imported.code != 0 && imported.code != 5 {
        bail!("the import ended with {}: {}", imported.code, imported.stderr);
    }
    let hk = Arc::new(Node::start(&network.config("hk")).await?);

    println!("raw quinn echo, the same frame sizes and settings");
    let echo = each(|in_flight| echo::measure(in_flight, time)).await?;
    println!("at rest, in turns: echo, full exchange at exchange/ask, the three commits of one exchange");
    let at_rest = at_rest(&hk).await?;
    println!("full exchanges at exchange/ask: query, answer and receipt durable, everything verified");
    let asked = each(|in_flight| ask(hk.clone(), in_flight, time)).await?;
    println!("the same through POST /v1/queries");
    let door = each(|in_flight| http(&hk, folder.path(), in_flight, time)).await?;
    network.stop("gz")?;
    println!("the reference: a signature per message both ways instead of the shared checkpoint");
    let reference = reference::measure(&hk, &network.config("gz"), 256, time).await?;
    reference.print();
    println!("the log alone");
    let path = folder.path().to_owned();
    let append = tokio::task::spawn_blocking(move || log_alone::against_a_file(&path)).await??;
    let Batches { items, bytes, log_us, store_us, file_us } = append;
    println!(
        "  batches of {items}, {bytes} bytes: log {log_us} us, of which the store {store_us}, plain file {file_us} us (medians)"
    );

    println!();
    let top = IN_FLIGHT.len() - 1;
    ratio("exchange/ask over the reference, 256 in flight", asked[top].per_second / reference.per_second, ">= 6");
    ratio("exchange/ask over the echo, 256 in flight", asked[top].per_second / echo[top].per_second, ">= 0.15");
    ratio("through the door over the echo, 256 in flight", door[top].per_second / echo[top].per_second, ">= 0.04");
    ratio("p50 at 1 in flight over echo + three commits", at_rest, "<= 1.25");
    ratio("log append at batches of 256 over a plain file with fdatasync", file_us as f64 / log_us as f64, ">= 0.8");
    match Arc::try_unwrap(hk) {
        Ok(hk) => hk.shut_down().await,
        Err(_) => bail!("a task still holds the node"),
    }
    Ok(())
}

fn ratio(what: &str, value: f64, goal: &str) {
    println!("{what:<64} {value:>8.3}   goal {goal}");
}

async fn each<F: Future<Output = Result<Figures>>>(mut measure: impl FnMut(usize) -> F) -> Result<Vec<Figures>> {
    let mut all = Vec::new();
    for in_flight in IN_FLIGHT {
        let figures = measure(in_flight).await?;
        figures.print();
        all.push(figures);
    }
    Ok(all)
}

/// The median of some rounds: what one exchange takes over what an echo and its three commits take.
async fn at_rest(hk: &Arc<Node>) -> Result<f64> {
    let time = Duration::from_millis(500);
    let mut ratios = Vec::new();
    for _ in 0..REST_ROUNDS {
        let echo = echo::measure(1, time).await?.p50_us;
        let asked = ask(hk.clone(), 1, time).await?.p50_us;
        let commits = log_alone::three_commits(&hk.exchange).await?;
        println!("  p50 us: echo {echo:.0}, exchange {asked:.0}, three commits {commits:.0}");
        ratios.push(asked / (echo + commits));
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[REST_ROUNDS / 2])
}

async fn ask(hk: Arc<Node>, in_flight: usize, time: Duration) -> Result<Figures> {
    drive(in_flight, time, move || {
        let exchange = hk.exchange.clone();
        async move {
            match exchange.ask(question()).await? {
                Outcome::Answered(answer) => {
                    std::hint::black_box(answer.verified());
                    Ok(())
                }
                Outcome::Declined { refusal, .. } => bail!("declined: {refusal}"),
            }
        }
    })
    .await
}

async fn http(hk: &Arc<Node>, folder: &Path, in_flight: usize, time: Duration) -> Result<Figures> {
    let ready = hk.ready_line();
    let url = ready.split(' ').find_map(|part| part.strip_prefix("services=http://")).context("no services door")?;
    let token = std::fs::read_to_string(folder.join("hk/service.token"))?;
    let body = format!(
        r#"{{"purpose":"FIN","operator":"bench","subject":{{"scheme":"uscc","value":"{COMPANY}"}},"predicates":[{{"shape":"not_listed","of":"SER_ANY","window_months":0}}]}}"#
    );
    load::drive_http(url.parse()?, token.trim(), body.into(), in_flight, time).await
}
