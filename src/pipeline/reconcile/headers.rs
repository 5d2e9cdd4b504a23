//! Selection of the invoice headers that the loaded usage and lines are compared with.
//!
//! The list of invoices that Partner Center answers with goes back for years; a header that nothing
//! was loaded for would be a break of its full amount.

use hashbrown::HashSet;

use crate::engine::count::header::Header;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::model::period::Period;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::sources::fetch::api_version;

/// Code of the header's invoice.
fn invoice_code(totals: &Folded, header: &Header) -> u32 {
    totals
        .vocabulary
        .code(Domain::Invoice, &header.id)
        .expect("the ids of all headers were folded")
}

/// Takes the billing period of each invoice from its header, where the header states one.
pub(super) fn set_periods(totals: &mut Folded, headers: &[Header]) {
    for header in headers {
        if let Some(period) = header.period {
            let invoice = invoice_code(totals, header);
            // The header has the last word: usage and lines only suggest a period by their months.
            totals.periods.insert(invoice, period);
        }
    }
}

/// Headers to compare: of the invoices `with_rows`, by code, that lines or usage were loaded for,
/// and of all other invoices of their periods, whose lines are missing. Warns of headers that are
/// not compared.
pub(super) fn to_compare(
    plan: &Plan,
    totals: &Folded,
    with_rows: &HashSet<u32>,
    all: &[Header],
    warnings: &mut Vec<String>,
) -> Vec<Header> {
    let periods: HashSet<Period> = match plan.period {
        Some(period) => HashSet::from([period]),
        // Usage that is not billed yet has an invoice without a number, and without a period.
        None => with_rows
            .iter()
            .filter_map(|invoice| totals.periods.get(invoice))
            .copied()
            .collect(),
    };
    let has_rows = |header: &Header| with_rows.contains(&invoice_code(totals, header));
    let concerns_run = |header: &&Header| {
        has_rows(header)
            || header
                .period
                .is_some_and(|period| periods.contains(&period))
    };
    // One warning with a number, as such a list holds hundreds of invoices.
    let (kept, others): (Vec<&Header>, Vec<&Header>) = all.iter().partition(concerns_run);
    if !others.is_empty() {
        warnings.push(format!(
            "invoice headers left out, as they belong to other invoices and periods: {}",
            others.len()
        ));
    }
    // Legacy invoices have no reconciliation lines (model::domain::endpoints §0), so that their
    // headers have nothing to be compared with.
    let has_lines = |header: &&Header| !api_version::is_legacy(&header.id) || has_rows(header);
    let (kept, legacy): (Vec<&Header>, Vec<&Header>) = kept.into_iter().partition(has_lines);
    warnings.extend(legacy.iter().map(|header| {
        format!(
            "invoice `{}` is a legacy commerce invoice, which has no reconciliation lines: its header was not compared",
            header.id
        )
    }));
    kept.into_iter().cloned().collect()
}
