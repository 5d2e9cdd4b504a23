//! The end of a run in the text format of Prometheus, for the textfile collector of its node
//! exporter. Amounts are the exact decimal text.

use std::collections::BTreeMap;

use chrono::DateTime;

use super::ended_run::EndedRun;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::pipeline::publish::outcome::Outcome;

/// A metric with its samples: labels besides pipeline and period, and the value as text.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, String)>,
}

impl Metric {
    /// A metric with one sample; without any where the value is not known.
    fn of(name: &'static str, help: &'static str, value: Option<String>) -> Self {
        let samples = value.map(|value| (Vec::new(), value)).into_iter().collect();
        Self {
            name,
            help,
            samples,
        }
    }
}

/// Text of a run that has ended. One that published nothing has no figures; the time of the last
/// complete run stays what it was.
#[must_use]
pub fn text(run: &EndedRun<'_>) -> String {
    let mut metrics = vec![
        Metric::of(
            "tieout_last_success_timestamp_seconds",
            "End of the last complete run of the pipeline and period, Unix time.",
            run.last_complete().and_then(|time| seconds(&time)),
        ),
        Metric::of(
            "tieout_last_run_timestamp_seconds",
            "End of the last run, Unix time.",
            seconds(&run.finished_at),
        ),
        Metric::of(
            "tieout_last_run_duration_seconds",
            "Wall time of the last run.",
            Some(format!(
                "{}.{:03}",
                run.took.as_secs(),
                run.took.subsec_millis()
            )),
        ),
        Metric::of(
            "tieout_last_run_exit_code",
            "Exit code of the last run.",
            Some(run.exit_code.to_string()),
        ),
        Metric::of(
            "tieout_last_run_published",
            "1 if the last run published tables, else 0.",
            Some(u8::from(run.outcome.is_some()).to_string()),
        ),
    ];
    if let Some(outcome) = run.outcome {
        metrics.extend(of_outcome(outcome));
    }
    let common = [
        ("pipeline", run.plan.name.clone()),
        ("period", run.period()),
    ];
    let mut out = String::new();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        out += &format!("# HELP {} {}\n", metric.name, metric.help);
        out += &format!("# TYPE {} gauge\n", metric.name);
        for (labels, value) in &metric.samples {
            let labels: Vec<String> = common
                .iter()
                .chain(labels)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            out += &format!("{}{{{}}} {value}\n", metric.name, labels.join(","));
        }
    }
    out
}

/// Figures of what was published.
fn of_outcome(outcome: &Outcome) -> Vec<Metric> {
    let rows = [
        ("usage", outcome.usage_rows),
        ("invoice_lines", outcome.invoice_lines),
    ];
    let ledger = outcome.ledger.as_ref();
    vec![
        Metric {
            name: "tieout_rows_read",
            help: "Rows that counted, by dataset.",
            samples: rows
                .map(|(dataset, rows)| (vec![("dataset", dataset.to_owned())], rows.to_string()))
                .to_vec(),
        },
        Metric::of(
            "tieout_rows_rejected",
            "Rows that could not be used.",
            Some(outcome.rejected_rows.to_string()),
        ),
        Metric::of(
            "tieout_breaks_open",
            "Breaks that are open; accepted ones are not counted.",
            ledger.map(|ledger| ledger.open.to_string()),
        ),
        Metric::of(
            "tieout_breaks_new",
            "Breaks that the run before did not have.",
            ledger.map(|ledger| ledger.new.to_string()),
        ),
        Metric {
            name: "tieout_variance_amount",
            help: "Invoiced less expected, by cause; what is awaited is left out.",
            samples: variances(outcome),
        },
        Metric {
            name: "tieout_off_rule_amount",
            help: "What subtotals of lines depart from the rounding rule of their invoice.",
            samples: off_rule(outcome),
        },
    ]
}

fn variances(outcome: &Outcome) -> Vec<(Vec<(&'static str, String)>, String)> {
    let amounts = outcome
        .totals
        .iter()
        .filter(|total| !total.is_of_quantities);
    let samples = amounts.flat_map(|total| {
        total.causes.iter().map(|of_cause| {
            let labels = vec![
                ("tie_out", total.tie_out.to_owned()),
                ("currency", total.currency.clone()),
                ("cause", of_cause.cause.to_owned()),
            ];
            (labels, of_cause.amount.clone())
        })
    });
    samples.collect()
}

fn off_rule(outcome: &Outcome) -> Vec<(Vec<(&'static str, String)>, String)> {
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for invoice in &outcome.invoices {
        // Without its point, a text of ten decimals is the number in units of 10^-10.
        let amount = invoice.off_rule_lines.amount.replace('.', "");
        let amount: i128 = amount.parse().expect("an amount is digits and a point");
        *sums.entry(&invoice.currency).or_default() += amount;
    }
    let samples = sums.into_iter().map(|(currency, sum)| {
        let labels = vec![("currency", currency.to_owned())];
        (labels, fixed(sum, PUBLISHED_SCALE))
    });
    samples.collect()
}

/// Unix time of a time such as `2026-11-21T04:15:00Z`.
fn seconds(time: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    Some(time.timestamp().to_string())
}

/// Value of a label, escaped as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped_and_times_are_seconds() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
        assert_eq!(
            seconds("2026-11-21T04:15:00Z").as_deref(),
            Some("1795234500")
        );
        assert_eq!(seconds(""), None);
    }
}
