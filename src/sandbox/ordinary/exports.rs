//! What exports hold: the lines of one order as gzip of JSON Lines in several blobs, under an
//! entity tag that changes when the data do.

use std::io::Write as _;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::bill::{Bill, Currency, month_of};
use super::books::{Partner, currency as known};
use super::charges::ChargeKind;
use super::json::{Json, number, text};
use super::rated::UsageRow;
use super::spelled::{Heading, exported_charge, exported_usage, meter_id};

/// Lines in one blob.
const BLOB_LINES: usize = 1_500;

/// What an export was ordered of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Billed usage of an invoice.
    Usage(String),
    /// Lines of an invoice.
    Lines(String),
    /// Usage of an invoice by meter and month.
    Aggregated(String),
    /// Usage that is not billed yet.
    UnbilledUsage {
        currency: String,
        /// True for the last month, false for the running one.
        last: bool,
    },
    /// Lines that are not billed yet.
    UnbilledLines {
        currency: String,
        /// True for the last month, false for the running one.
        last: bool,
    },
}

/// An export that has ended well.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) etag: String,
    /// Path of the directory below the origin, with a slash in front.
    pub(super) root: String,
    /// Names and bytes of the blobs.
    pub(super) blobs: Vec<(String, Vec<u8>)>,
}

/// Why an export failed: the message; the code is always 5000.
pub(super) type Failed = String;

/// Makes the files of an order on the tenant's day.
pub(super) fn files(partner: &Partner, wanted: &Wanted, basic: bool) -> Result<Files, Failed> {
    let (lines, version) = match wanted {
        Wanted::Usage(invoice) => billed_usage(partner, invoice, basic)?,
        Wanted::Lines(invoice) => billed_lines(partner, invoice)?,
        Wanted::Aggregated(invoice) => aggregated(partner, invoice)?,
        Wanted::UnbilledUsage { currency, last } => unbilled_usage(partner, currency, *last, basic),
        Wanted::UnbilledLines { currency, last } => unbilled_lines(partner, currency, *last),
    };
    if lines.is_empty() && !partner.has("empty-export-succeeds") {
        return Err(no_data());
    }
    let kind = format!("{wanted:?} {basic} {version}");
    let etag = partner.chance.letters(17, &["etag", &kind]);
    let fragment = if basic { "basic" } else { "full" };
    let (folder, key) = match wanted {
        Wanted::Usage(invoice) => ("billedusagefastpath", invoice.clone()),
        Wanted::Lines(invoice) => ("billedreconfastpath", invoice.clone()),
        Wanted::Aggregated(invoice) => ("billedaggregatedfastpath", invoice.clone()),
        Wanted::UnbilledUsage { currency, .. } => ("unbilledusagefastpath", currency.clone()),
        Wanted::UnbilledLines { currency, .. } => ("unbilledreconfastpath", currency.clone()),
    };
    let month = match partner.find(&key) {
        Some(posted) => posted.bill.month,
        None => month_of(partner.today()),
    };
    let root = format!(
        "/{folder}/v1/PartnerTenantId={}/BillingMonth={}/InvoiceId={key}/\
         InvoiceVersion={etag}/Fragment={fragment}/PartitionType=default",
        partner.id,
        month.format("%Y%m")
    );
    let parts = lines.chunks(BLOB_LINES).enumerate().map(|(at, lines)| {
        let guid = partner.chance.guid(&["blob", &kind, &at.to_string()]);
        (format!("part-{at:05}-{guid}.c000.json.gz"), packed(lines))
    });
    Ok(Files {
        etag,
        root,
        blobs: parts.collect(),
    })
}

fn no_data() -> Failed {
    "No data available".to_owned()
}

fn packed(lines: &[Json]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let written = lines
        .iter()
        .try_for_each(|line| writeln!(packer, "{line}"))
        .and_then(|()| packer.finish());
    assert!(written.is_ok(), "packing into memory cannot fail");
    written.map_or(Vec::new(), |bytes| bytes)
}

/// The invoice of an order, if Graph has it: no legacy ones, and none that is too old.
fn modern<'a>(partner: &'a Partner, id: &str, since: &str) -> Option<&'a Bill> {
    let bill = &partner.find(id)?.bill;
    (!bill.is_legacy() && bill.month.to_string().as_str() >= since).then_some(bill)
}

/// Lines of an export, and what tells one version of them from the next.
type Versioned = (Vec<Json>, String);

fn billed_usage(partner: &Partner, invoice: &str, basic: bool) -> Result<Versioned, Failed> {
    let bill = modern(partner, invoice, "2022-09-01").ok_or_else(no_data)?;
    if partner.today() < bill.usage_ready() {
        return Err(no_data());
    }
    let rows = partner.exported_usage(bill);
    let heading = Heading::of(bill);
    let lines = rows
        .iter()
        .map(|row| exported_usage(partner, heading, row, basic));
    let version = if partner.awaits_late_usage(bill) {
        "first"
    } else {
        "restated"
    };
    Ok((lines.collect(), version.to_owned()))
}

fn billed_lines(partner: &Partner, invoice: &str) -> Result<Versioned, Failed> {
    let not_yet = || {
        format!(
            "No reconciliation data available currently for Invoice {invoice}. Please try again \
             later."
        )
    };
    let bill = modern(partner, invoice, "2024-02-01").ok_or_else(not_yet)?;
    if partner.today() < bill.lines_ready() {
        return Err(not_yet());
    }
    let charges = partner.book(bill).charges;
    let heading = Heading::of(bill);
    let lines = charges
        .iter()
        .map(|charge| exported_charge(partner, heading, charge));
    Ok((lines.collect(), "only".to_owned()))
}

/// Usage lines again with the three prices that are named in the text of Microsoft's page; the list
/// of columns is not published (resources §D4).
fn aggregated(partner: &Partner, invoice: &str) -> Result<Versioned, Failed> {
    let bill = modern(partner, invoice, "2024-02-01").ok_or_else(no_data)?;
    if partner.today() < bill.usage_ready() {
        return Err(no_data());
    }
    let charges = partner.book(bill).charges.into_iter();
    let lines = charges.filter_map(|charge| match charge.kind {
        ChargeKind::Usage(at) => {
            let line = exported_charge(partner, Heading::of(bill), &charge);
            let line = line
                .with("MeterId", text(meter_id(partner, at)))
                .with("PartnerPrice", number(charge.effective_price))
                .with("PriceBenefits", text(""));
            Some(line)
        }
        _ => None,
    });
    Ok((lines.collect(), "only".to_owned()))
}

fn unbilled_usage(partner: &Partner, code: &str, last: bool, basic: bool) -> Versioned {
    let version = partner.today().to_string();
    let Some(currency) = known(code) else {
        return (Vec::new(), version);
    };
    let rows = partner.unbilled_usage(currency, last);
    let line = |row: &UsageRow| exported_usage(partner, unbilled(currency, row.day), row, basic);
    (rows.iter().map(line).collect(), version)
}

fn unbilled_lines(partner: &Partner, code: &str, last: bool) -> Versioned {
    let version = partner.today().to_string();
    let Some(currency) = known(code) else {
        return (Vec::new(), version);
    };
    let heading = unbilled(currency, partner.unbilled_month(last));
    let charges = partner.unbilled_charges(currency, last);
    let lines = charges
        .iter()
        .map(|charge| exported_charge(partner, heading, charge));
    (lines.collect(), version)
}

fn unbilled(currency: &'static Currency, day: NaiveDate) -> Heading<'static> {
    Heading {
        invoice: "",
        currency,
        month: month_of(day),
    }
}
