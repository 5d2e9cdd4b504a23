//! The headers that the usage and lines at hand are tied to.

use hashbrown::HashSet;

use crate::engine::count::header::Header;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::model::period::Period;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::sources::fetch::api_version;

/// Headers say which month their invoices are of.
pub(super) fn set_periods(totals: &mut Folded, headers: &[Header]) {
    for header in headers {
        if let (Some(period), Some(invoice)) = (
            header.period,
            totals.vocabulary.code(Domain::Invoice, &header.id),
        ) {
            totals.periods.insert(invoice, period);
        }
    }
}

/// Headers of the invoices at hand: those with lines or usage, and those of the same period. A list
/// of invoices holds those of years.
pub(super) fn headers(
    plan: &Plan,
    totals: &Folded,
    seen: &HashSet<u32>,
    all: &[Header],
    warnings: &mut Vec<String>,
) -> Vec<Header> {
    let periods: HashSet<Period> = match plan.period {
        Some(period) => HashSet::from([period]),
        None => seen
            .iter()
            .filter_map(|invoice| totals.periods.get(invoice))
            .copied()
            .collect(),
    };
    let is_at_hand = |header: &&Header| {
        let code = totals
            .vocabulary
            .code(Domain::Invoice, &header.id)
            .unwrap_or(0);
        seen.contains(&code)
            || header
                .period
                .is_some_and(|period| periods.contains(&period))
    };
    let (kept, left): (Vec<&Header>, Vec<&Header>) = all.iter().partition(is_at_hand);
    if !left.is_empty() {
        warnings.push(format!(
            "{} invoice headers are of other invoices and periods: left out",
            left.len()
        ));
    }
    // Lines of the legacy commerce are no reconciliation lines: such a header has none to be tied to.
    let has_lines = |header: &&Header| {
        let code = totals
            .vocabulary
            .code(Domain::Invoice, &header.id)
            .unwrap_or(0);
        !api_version::is_legacy(&header.id) || seen.contains(&code)
    };
    let (kept, legacy): (Vec<&Header>, Vec<&Header>) = kept.into_iter().partition(has_lines);
    warnings.extend(legacy.iter().map(|header| {
        format!(
            "invoice `{}` is of the legacy commerce: not tied to lines",
            header.id
        )
    }));
    kept.into_iter().cloned().collect()
}
