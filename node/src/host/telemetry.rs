//! Counters, and the log of the process. No identifier, answer, salt or seed may reach either.
//!
//! Every fault and refusal is counted under its name from the start. Not here: what is counted (each room says it in place).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// A counter or gauge by its name and its labels, which are drawn from closed sets.
type Series = (&'static str, String);

/// The node's counters and gauges, in the Prometheus text format.
#[derive(Default)]
pub struct Metrics {
    counters: Mutex<BTreeMap<Series, u64>>,
    gauges: Mutex<BTreeMap<Series, u64>>,
}

impl Metrics {
    /// Adds one to a counter. `label` and `value` come from closed sets: a peer's region, a reason's name.
    pub fn count(&self, name: &'static str, labels: &[(&str, &str)]) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry((name, render(labels))).or_default() += 1;
    }

    /// Adds to a counter.
    pub fn add(&self, name: &'static str, labels: &[(&str, &str)], by: u64) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry((name, render(labels))).or_default() += by;
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, labels: &[(&str, &str)], value: u64) {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner).insert((name, render(labels)), value);
    }

    /// The value of a counter; 0 if it never counted.
    pub fn counted(&self, name: &'static str, labels: &[(&str, &str)]) -> u64 {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).get(&(name, render(labels))).copied().unwrap_or(0)
    }

    /// Everything in the Prometheus text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (kind, series) in [("counter", &self.counters), ("gauge", &self.gauges)] {
            let series = series.lock().unwrap_or_else(PoisonError::into_inner);
            let mut last = "";
            for ((name, labels), value) in series.iter() {
                if *name != last {
                    let _ = writeln!(text, "# TYPE {name} {kind}");
                    last = name;
                }
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        text
    }
}

fn render(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    format!("{{{}}}", labels.join(","))
}

/// Sends the process's log to standard error; `CREDITBAY_LOG` chooses what (default `info`).
pub fn start_tracing() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CREDITBAY_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_written_by_kind_and_name() {
        let metrics = Metrics::default();
        metrics.count("creditbay_faults_total", &[("peer", "hk"), ("fault", "malformed")]);
        metrics.count("creditbay_faults_total", &[("peer", "hk"), ("fault", "malformed")]);
        metrics.set("creditbay_log_size", &[], 7);
        assert_eq!(metrics.counted("creditbay_faults_total", &[("peer", "hk"), ("fault", "malformed")]), 2);
        assert_eq!(
            metrics.text(),
            "# TYPE creditbay_faults_total counter\ncreditbay_faults_total{peer=\"hk\",fault=\"malformed\"} 2\n\
             # TYPE creditbay_log_size gauge\ncreditbay_log_size 7\n"
        );
    }
}
