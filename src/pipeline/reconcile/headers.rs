//! Selection of the invoice headers that the loaded usage and lines are compared with.
//!
//! The list of invoices that Partner Center answers with goes back for years; a header that nothing
//! was loaded for would be a break of its full amount.

use hashbrown::{HashMap, HashSet};

use crate::engine::count::header::{self, Header};
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::model::period::Period;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::sources::fetch::api_version;

/// A header, with the number of the invoice that it is about.
type NumberedHeader<'h> = (&'h Header, &'h str);

/// Code of an invoice by its number in a header.
fn invoice_code(totals: &Folded, number: &str) -> u32 {
    totals
        .vocabulary
        .code(Domain::Invoice, number)
        .expect("the numbers in all headers were folded")
}

/// Takes the billing period of each invoice from its header, where the header states one.
pub(super) fn set_periods(totals: &mut Folded, headers: &[Header]) {
    for header in headers {
        if let Some(period) = header.period {
            let invoice = invoice_code(totals, &header.id);
            // The header has the last word: usage and lines only suggest a period by their months.
            totals.periods.insert(invoice, period);
        }
    }
}

/// Headers to compare: of the invoices `with_rows`, by code, that lines or usage were loaded for,
/// and of all other invoices of their periods, whose lines are missing; a note goes with the invoice
/// that it changes. Warns of headers that are not compared.
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
    let documents: Vec<NumberedHeader<'_>> = all.iter().zip(header::invoice_numbers(all)).collect();
    // A note of November may change an invoice of October.
    let period_of: HashMap<u32, Period> = all
        .iter()
        .filter_map(|header| Some((invoice_code(totals, &header.id), header.period?)))
        .collect();
    let has_rows = |(header, number): &NumberedHeader<'_>| {
        [header.id.as_str(), number]
            .map(|number| invoice_code(totals, number))
            .iter()
            .any(|code| with_rows.contains(code))
    };
    let concerns_run = |document: &NumberedHeader<'_>| {
        let (header, number) = *document;
        let period = period_of.get(&invoice_code(totals, number)).copied();
        has_rows(document)
            || period
                .or(header.period)
                .is_some_and(|period| periods.contains(&period))
    };
    // One warning with a number, as such a list holds hundreds of invoices.
    let (kept, others): (Vec<NumberedHeader<'_>>, Vec<NumberedHeader<'_>>) =
        documents.into_iter().partition(concerns_run);
    if !others.is_empty() {
        warnings.push(format!(
            "invoice headers left out, as they belong to other invoices and periods: {}",
            others.len()
        ));
    }
    // Legacy invoices have no reconciliation lines (model::domain::endpoints §0), so that their
    // headers have nothing to be compared with.
    let has_lines =
        |document: &NumberedHeader<'_>| !api_version::is_legacy(document.1) || has_rows(document);
    let (kept, legacy): (Vec<NumberedHeader<'_>>, Vec<NumberedHeader<'_>>) =
        kept.into_iter().partition(has_lines);
    warnings.extend(legacy.iter().map(|(header, _)| {
        format!(
            "invoice `{}` is a legacy commerce invoice, which has no reconciliation lines: its header was not compared",
            header.id
        )
    }));
    kept.into_iter().map(|(header, _)| header.clone()).collect()
}
