//! Whether an invoice owes usage of which the service has nothing: its lines tell. An invoice of
//! licences or reservations has none, and the service says so in the words of a fault
//! ([endpoints §7](crate::model::domain::endpoints)).

use crate::decode::records::{self, Value};
use crate::engine::rules::price_adjustment::is_credit;
use crate::engine::rules::scope::{LineTexts, Scope, scope_of};
use crate::model::dataset::Dataset;
use crate::model::record::RecordSet;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::held_reading::{ExpectedContent, read_held};
use crate::pipeline::intake::input_unit;
use crate::sources::fetch::fetched::{Became, Fetched};
use crate::sources::fetch::workers::{Fetcher, LinesTell};
use crate::sources::files::HeldFile;

/// Decides about each unit of usage that the service has nothing of.
///
/// # Errors
/// [`RunError`] if stored lines cannot be read.
pub(crate) fn settle(fetcher: &Fetcher, found: &mut [Fetched]) -> Result<(), RunError> {
    for at in 0..found.len() {
        if matches!(found[at].became, Became::Doubtful(_)) {
            let lines = lines_tell(fetcher, found, &found[at])?;
            fetcher.settle(&mut found[at], lines)?;
        }
    }
    Ok(())
}

/// What the lines of a unit's invoice say.
fn lines_tell(
    fetcher: &Fetcher,
    found: &[Fetched],
    usage: &Fetched,
) -> Result<LinesTell, RunError> {
    let invoice = usage.context.get("invoice");
    let is_of_invoice = |unit: &&Fetched| {
        unit.dataset == Dataset::InvoiceLines.name() && unit.context.get("invoice") == invoice
    };
    let Some(lines) = found.iter().find(is_of_invoice) else {
        return Ok(LinesTell::NotThere("the lines are not fetched".to_owned()));
    };
    match &lines.became {
        Became::Nothing(_) => return Ok(LinesTell::NoUsage),
        Became::Awaited(_) => return Ok(LinesTell::Awaited),
        _ if lines.is_complete() => {}
        _ => {
            let why = "the lines are not complete either".to_owned();
            return Ok(LinesTell::NotThere(why));
        }
    }
    let set = RecordSet::named(Dataset::InvoiceLines.name()).expect("a set of the dictionary");
    let reader = UsageLines::new(set);
    let mut has_usage = false;
    let Some((files, _)) = fetcher.landing.files_of(&lines.id) else {
        return Ok(LinesTell::NoUsage);
    };
    for file in files {
        let held = HeldFile::open(&file.path)?;
        let expected = ExpectedContent {
            blake3: Some(&file.blake3),
            otherwise: &|| input_unit::damaged(&file.path),
        };
        let (rejected, _) = read_held(&held, &expected, |handle| {
            let read = records::read(&file.name, handle, set, &mut |values| {
                has_usage |= reader.is_usage(values);
                Ok(())
            })?;
            Ok((read.rows_rejected, read.blake3))
        })?;
        // A line that cannot be read may be one of usage.
        if rejected > 0 {
            return Ok(LinesTell::Usage);
        }
    }
    Ok(if has_usage {
        LinesTell::Usage
    } else {
        LinesTell::NoUsage
    })
}

/// Positions of the columns by which a line of usage is known.
struct UsageLines([usize; 7]);

/// Columns by which the scope of a line is told, in the order of [`LineTexts`].
const COLUMNS: [&str; 7] = [
    "meter_description",
    "charge_type",
    "subscription_id",
    "subscription_description",
    "term_and_billing_cycle",
    "reservation_order_id",
    "charge_end_date",
];

impl UsageLines {
    fn new(set: &'static RecordSet) -> Self {
        let columns = set.columns();
        Self(COLUMNS.map(|name| {
            let at = columns.iter().position(|column| column.name == name);
            at.unwrap_or_else(|| unreachable!("`{name}` is a column of the lines"))
        }))
    }

    /// True of a line that charges usage for certain: a credit of the plan has none behind it, and
    /// what shows no sign of usage owes none.
    fn is_usage(&self, values: &[Value]) -> bool {
        let text = |at: usize| match &values[self.0[at]] {
            Value::Text(text) => text.as_str(),
            // Dates are read as such: that there is an end is all that is asked.
            Value::Day(_) | Value::Instant(_) => "2000-01-01",
            _ => "",
        };
        let line = LineTexts {
            meter_description: text(0),
            charge_type: text(1),
            subscription_id: text(2),
            subscription_description: text(3),
            term: text(4),
            reservation_order_id: text(5),
            charge_end: text(6),
            product_is_used: false,
        };
        let is_named = !line.meter_description.trim().is_empty()
            || line
                .subscription_description
                .trim()
                .eq_ignore_ascii_case("azure plan");
        is_named && !is_credit(line.charge_type) && scope_of(line) == Scope::Usage
    }
}
