//! `explain` for `lines-to-invoice`: the lines of an invoice, and its header. No account is
//! recounted: both sides are sums over the whole invoice.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Explanation, Group, RejectedLine, Request, SourceLine};
use super::facts::SideFacts;
use super::other_tie_outs;
use super::published::{Published, VarianceRow};
use super::source_rows::{ShownUnit, SourceRows, decode_all, reread, source_line};
use super::story::Story;
use crate::decode::{Sink, texts};
use crate::engine::count::header::{self, Header};
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::Key;
use crate::model::cause::TieOut;
use crate::model::dataset::{Dataset, INVOICE_LINES, position};
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, fixed, to_published};
use crate::model::reject::{RejectedRow, Rejection};
use crate::model::row::Row;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::readings::{self, FirstHeaders};
use crate::pipeline::intake::unit::{self, HeaderInFile};

/// An invoice and a currency, both folded.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Invoice {
    number: String,
    currency: String,
}

impl Invoice {
    fn of(row: &VarianceRow) -> Self {
        Self::named(&row.invoice_number, &row.currency)
    }

    fn named(number: &str, currency: &str) -> Self {
        Self {
            number: fold_as(Domain::Invoice, number),
            currency: fold_as(Domain::Currency, currency),
        }
    }

    /// True for the invoice and currency that are explained, in any spelling.
    fn is(&self, number: &str, currency: &str) -> bool {
        Self::named(number, currency) == *self
    }
}

/// Takes the lines of one invoice.
struct LineSink<'s> {
    shown: ShownUnit<'s>,
    invoice: &'s Invoice,
    /// The lines again, as the run counted them: a line that it refuses was rejected by the run.
    counted: Partial,
    rows: SourceRows,
}

impl Sink for LineSink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        const DATASET: Dataset = Dataset::InvoiceLines;
        let text = |name: &str| {
            let cell = &row.cells[position(INVOICE_LINES, name)];
            String::from_utf8_lossy(&cell.bytes()).into_owned()
        };
        if !self.invoice.is(&text("InvoiceNumber"), &text("Currency")) {
            return Ok(());
        }
        self.counted.add(row)?;
        let measures = (KeyLayout::of(DATASET).measure)(row.cells)?;
        let [_, subtotal, tax, total] = measures.sums;
        // The header is compared with Total, so that tax is shown instead of the factors of the
        // Subtotal.
        let plain = |amount| decimal::plain(amount, AMOUNT_SCALE);
        let arithmetic = format!(
            "Subtotal {} + TaxTotal {} = Total {}",
            plain(subtotal),
            plain(tax),
            plain(total)
        );
        let line = source_line(&self.shown, row, total, arithmetic);
        self.rows.facts.add(DATASET, row, &measures);
        self.rows.push(total, Some(line));
        Ok(())
    }
}

/// Source rows of one side, and the rejected rows that may belong to it.
type FoundRows = (SourceRows, Vec<RejectedRow>);

/// Lines of the invoice in all units.
fn lines_of(published: &Published, invoice: &Invoice) -> Result<FoundRows, RunError> {
    let units = published.all_units(Dataset::InvoiceLines);
    let (sinks, rejected) = decode_all(&units, Dataset::InvoiceLines, |shown| LineSink {
        shown,
        invoice,
        counted: Partial::empty(Dataset::InvoiceLines),
        rows: SourceRows::default(),
    })?;
    let mut whole = SourceRows::default();
    sinks.into_iter().for_each(|sink| whole.merge(sink.rows));
    Ok((whole, rejected))
}

/// Invoices that lines were compared with: a note that is one of them changes no other invoice.
fn with_lines(published: &Published) -> Result<BTreeSet<Invoice>, RunError> {
    let mut found = BTreeSet::new();
    let columns = ["tie_out", "invoice_number", "currency", "invoice_lines"];
    published.rows_of_variances(columns, |[tie_out, number, currency, lines]| {
        if tie_out == TieOut::LinesToInvoice.name() && lines != "0" {
            found.insert(Invoice::named(&number, &currency));
        }
    })?;
    Ok(found)
}

/// Headers of the invoice, which are those that the run took, by the run's own rules: the invoice and
/// the notes that change it.
fn headers_of(published: &Published, invoice: &Invoice) -> Result<FoundRows, RunError> {
    let units = published.all_units(Dataset::Invoices);
    let (mut headers, mut rejected, mut hashes) = (Vec::new(), Vec::new(), BTreeMap::new());
    for unit in &units {
        let (mut decoded, found) = reread(unit, Dataset::Invoices, unit::read_headers)?;
        rejected.append(&mut decoded.rejected);
        hashes.insert(unit.name.clone(), unit.blake3.clone());
        headers.extend(found.into_iter().map(|header| (unit.name.clone(), header)));
    }
    // Sorted as the run sorts them: of two documents with one number the first counts.
    headers.sort_by(|(left, first), (right, second)| (left, first.line).cmp(&(right, second.line)));
    // Of a header that was refused nothing is known, not even its invoice. Of a second one it is.
    let documents: Vec<Header> = headers
        .iter()
        .map(|(_, found)| found.header.clone())
        .collect();
    let with_lines = with_lines(published)?;
    let mut is_of = documents
        .iter()
        .zip(header::invoice_numbers(&documents))
        .map(|(document, number)| {
            let own = Invoice::named(&document.id, &document.currency);
            let number = if with_lines.contains(&own) {
                &document.id
            } else {
                number
            };
            invoice.is(number, &document.currency)
        });
    headers.retain(|_| is_of.next().expect("one answer for each header"));
    let FirstHeaders {
        kept,
        rejected: mut second,
        ..
    } = readings::first_headers(headers);
    rejected.append(&mut second);
    rejected.sort_by(|left, right| (&left.unit, left.line).cmp(&(&right.unit, right.line)));
    let mut rows = SourceRows::default();
    for (unit, HeaderInFile { header, line, text }) in kept {
        let total = decimal::from_money(header.total_charges)
            .expect("a header that was read keeps to the limit of amounts");
        let line = SourceLine {
            dataset: Dataset::Invoices.name(),
            blake3: hashes.get(&unit).cloned().unwrap_or_default(),
            unit,
            usage_date: String::new(),
            order_id: String::new(),
            charge_start_date: String::new(),
            charge_end_date: String::new(),
            entitlement_id: String::new(),
            line,
            amount: decimal::plain(total, AMOUNT_SCALE),
            arithmetic: in_words(&header),
            // Of an answer in JSON these are its members; a table's header is shown as it is.
            cells: texts::named_cells(None, text.as_bytes()),
            text,
        };
        rows.push(total, Some(line));
    }
    Ok((rows, rejected))
}

/// What a header contributes.
fn in_words(header: &Header) -> String {
    let total = format!("totalCharges of {} in {}", header.id, header.currency);
    if header.amends.is_empty() {
        total
    } else {
        format!("{total}, which changes {}", header.amends)
    }
}

/// Sentences about what the header leaves out, for the parts that tell it.
fn workings(row: &VarianceRow) -> Vec<(&'static str, String)> {
    let left_out = |cause: &str| match cause {
        "tax" => Some(
            "the header leaves out the sum of TaxTotal over all lines, or has a tax that no line has",
        ),
        "credit" => Some(
            "the header leaves out the lines of Azure credits, or has notes that no line repeats",
        ),
        "duplicate" => Some("the header leaves out the lines that occur twice"),
        _ => None,
    };
    row.parts
        .iter()
        .filter_map(|(cause, _)| Some((*cause, left_out(cause)?.to_owned())))
        .collect()
}

/// Explains a row of `lines-to-invoice`.
///
/// # Errors
/// [`RunError::Disagrees`] where the sources do not come to the published figures, and those of
/// reading them.
pub(super) fn explain(
    request: &Request,
    published: &Published,
    row: VarianceRow,
) -> Result<Explanation, RunError> {
    // A pass without the invoice: its groups hold whatever other invoices the run compared, and are
    // shown as published.
    let mut passes = published
        .settings(TieOut::LinesToInvoice)?
        .passes
        .into_iter();
    let pass = passes.find(|pass| *pass.name == *row.matched_on);
    if pass.is_some_and(|pass| !pass.keys.contains(&Key::Invoice)) {
        return other_tie_outs::explain(request, published, TieOut::LinesToInvoice, row);
    }
    let invoice = Invoice::of(&row);
    let (lines, mut rejected) = lines_of(published, &invoice)?;
    let (header, mut of_headers) = headers_of(published, &invoice)?;
    rejected.append(&mut of_headers);
    let rounded = |amount| to_published(amount).expect("fewer decimals need no more digits");
    let (expected, invoiced) = (rounded(lines.sum), rounded(header.sum));
    let text = |amount| fixed(amount, PUBLISHED_SCALE);
    // All ten published decimals must agree: an explanation of other figures would explain nothing.
    if text(expected) != row.expected_amount || text(invoiced) != row.invoiced_amount {
        return Err(published.disagrees(&row, &text(expected), &text(invoiced)));
    }
    let none = SideFacts::default();
    let story = Story {
        tie_out: TieOut::LinesToInvoice,
        status: &row.status,
        invoice: &row.invoice_number,
        currency: &row.currency,
        name: "",
        figures: [&row.expected_amount, &row.invoiced_amount],
        rows: [lines.rows, header.rows],
        parts: &row.parts,
        facts: [&lines.facts, &none],
        period: None,
        quantity_delta: None,
        other_invoice: None,
        counterpart: None,
        is_off_arithmetic: false,
    };
    let group = Group {
        sentences: story.tell(),
        days: Vec::new(),
        keys: vec![
            ("invoice_number", row.invoice_number.clone()),
            ("currency", row.currency.clone()),
        ],
        expected: lines.into_side("Total", expected, request.limit),
        invoiced: header.into_side("totalCharges", invoiced, request.limit),
        variance_amount: text(invoiced - expected),
        workings: workings(&row),
        tie_out: TieOut::LinesToInvoice.name(),
        break_id: row.break_id,
        matched_on: row.matched_on,
        status: row.status,
        tolerance_amount: row.tolerance_amount,
        // The name of the limit is not published, and only judging the group again would tell it.
        tolerance_is: "as published",
        parts: row.parts,
        narrowest: "invoice".to_owned(),
        units: Vec::new(),
    };
    let run_id = &published.manifest().run_id;
    let rejected = rejected.into_iter().map(RejectedLine::from).collect();
    Ok(Explanation::new(
        run_id,
        vec![group],
        rejected,
        request.limit,
    ))
}
