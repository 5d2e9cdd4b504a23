//! The match key of a single row, in folded text: how `explain` knows a row of a group again.

use crate::engine::rules::domain::fold_as;
use crate::engine::rules::keys::{Counted, FINE_KEYS, Key, Origin, Part};
use crate::engine::rules::price_adjustment;
use crate::engine::rules::scope::{self, LineTexts, Scope};
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::row::Cell;

/// Folded texts in the order of [`FINE_KEYS`].
pub type FineKey = [String; FINE_KEYS.len()];

/// The text of a part; empty where the side has it nowhere.
fn text(cells: &[Cell<'_>], counted: Counted, part: Part) -> String {
    let Origin::Text(_, column) = part.row().origin(counted) else {
        return String::new();
    };
    let cell = cells.get(column).unwrap_or(&Cell::Missing);
    String::from_utf8_lossy(&cell.bytes()).into_owned()
}

/// Customer and subscription of a row, folded.
#[must_use]
pub fn account_of(dataset: Dataset, cells: &[Cell<'_>]) -> (String, String) {
    let counted = counted(dataset);
    let folded = |part: Part| fold_as(part.domain(), &text(cells, counted, part));
    (folded(Part::Customer), folded(Part::Subscription))
}

const fn counted(dataset: Dataset) -> Counted {
    match dataset {
        Dataset::InvoiceLines => Counted::Lines,
        Dataset::Usage | Dataset::UnbilledUsage | Dataset::Invoices => Counted::Usage,
    }
}

fn fine_key(cells: &[Cell<'_>], counted: Counted, description: Part, adjustment: &str) -> FineKey {
    FINE_KEYS.map(|key| match key {
        Key::Adjustment => fold_as(key.domain(), adjustment),
        Key::Description => fold_as(key.domain(), &text(cells, counted, description)),
        key => fold_as(key.domain(), &text(cells, counted, key.part())),
    })
}

/// The key of a usage row; `description` is the part that MeterDescription repeats.
#[must_use]
pub fn of_usage(cells: &[Cell<'_>], description: Part) -> FineKey {
    let text = |part| text(cells, Counted::Usage, part);
    let adjustment = price_adjustment::usage_adjustment(
        &text(Part::CreditType),
        &text(Part::EarnedCreditPercentage),
        &text(Part::CreditPercentage),
    );
    fine_key(cells, Counted::Usage, description, &adjustment)
}

/// The key of an invoice line, and why no usage is expected behind it, if none is. `is_used` tells of
/// a folded product and SKU if usage has them.
#[must_use]
pub fn of_line(cells: &[Cell<'_>], is_used: impl Fn(&str, &str) -> bool) -> (FineKey, Scope) {
    let text = |part| text(cells, Counted::Lines, part);
    let folded = |part: Part| fold_as(part.domain(), &text(part));
    let scope = scope::scope_of(LineTexts {
        meter_description: &text(Part::Description),
        subscription_description: &text(Part::SubscriptionDescription),
        term: &text(Part::Term),
        reservation_order_id: &text(Part::ReservationOrder),
        charge_end: &text(Part::ChargeEnd),
        product_is_used: is_used(&folded(Part::Product), &folded(Part::Sku)),
    });
    let adjustment =
        price_adjustment::line_adjustment(&text(Part::ChargeType), &text(Part::AdjustmentText));
    let key = fine_key(cells, Counted::Lines, Part::Description, &adjustment);
    (key, scope)
}

const RATE: [usize; 2] = [
    position(USAGE, "PCToBCExchangeRate"),
    position(INVOICE_LINES, "PCToBCExchangeRate"),
];
const PRICE: [usize; 2] = [
    position(USAGE, "EffectiveUnitPrice"),
    position(INVOICE_LINES, "EffectiveUnitPrice"),
];

/// Effective unit price and exchange rate of a row, where it has them, in units of 10^-22 and
/// 10^-18.
#[must_use]
pub fn price_and_rate(dataset: Dataset, cells: &[Cell<'_>]) -> (Option<i128>, Option<i128>) {
    use crate::model::decimal::{PRICE_SCALE, RATE_SCALE};
    let which = usize::from(dataset == Dataset::InvoiceLines);
    let number = |positions: [usize; 2], name: &'static str, scale: u32| {
        let cell = positions.get(which).and_then(|at| cells.get(*at));
        cell.and_then(|cell| cell.decimal(name, scale).ok().flatten())
            .map(|parsed| parsed.value)
    };
    (
        number(PRICE, "EffectiveUnitPrice", PRICE_SCALE),
        number(RATE, "PCToBCExchangeRate", RATE_SCALE),
    )
}
