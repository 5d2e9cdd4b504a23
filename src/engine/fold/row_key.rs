//! Match key of a single row, as folded text, by which `explain` finds the rows of a group in the
//! files.
//!
//! A key made here must be equal to that of the row's total: both are projections of the [key
//! table](crate::engine::rules::keys), and the price adjustment and the scope come from the same
//! rules as in `codes` and `frames`. Rows are keyed one by one, without numbers or codes: far
//! slower than counting, for one group's account only.

use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::{Counted, FINE_KEYS, Key, Origin, Part};
use crate::engine::rules::price_adjustment::{self, LineDiscounts};
use crate::engine::rules::scope::{self, LineTexts, Scope};
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::decimal::{PRICE_SCALE, RATE_SCALE};
use crate::model::row::Cell;

/// Folded texts of a row's keys, in the order of [`FINE_KEYS`].
pub type FineKey = [String; FINE_KEYS.len()];

/// Raw text of a part; empty where the side lacks the part.
fn text(cells: &[Cell<'_>], counted: Counted, part: Part) -> String {
    let Origin::Text(_, column) = part.row().origin(counted) else {
        return String::new();
    };
    String::from_utf8_lossy(&cells[column].bytes()).into_owned()
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

fn fine_key(
    cells: &[Cell<'_>],
    counted: Counted,
    description: Option<Part>,
    adjustment: &str,
) -> FineKey {
    FINE_KEYS.map(|key| match key {
        Key::Adjustment => fold_as(key.domain(), adjustment),
        Key::Description => match description {
            Some(part) => fold_as(key.domain(), &text(cells, counted, part)),
            None => String::new(),
        },
        key => fold_as(key.domain(), &text(cells, counted, key.part())),
    })
}

/// Folded text of one key of a row, as the tie-outs over two lists have it; `None` for a key that the
/// row's side lacks. The description of usage is its meter's name.
#[must_use]
pub fn key_of(dataset: Dataset, cells: &[Cell<'_>], key: Key) -> Option<String> {
    let counted = counted(dataset);
    let text = |part| text(cells, counted, part);
    let found = match (key, counted) {
        (Key::Adjustment, Counted::Lines) => line_adjustment(cells),
        (Key::Adjustment, _) => price_adjustment::usage_adjustment(
            &text(Part::CreditType),
            &text(Part::EarnedCreditPercentage),
            &text(Part::CreditPercentage),
        ),
        (Key::Description, Counted::Usage | Counted::DailyUsage) => text(Part::MeterName),
        (key, counted) => match key.part().row().origin(counted) {
            Origin::Text(..) => text(key.part()),
            _ => return None,
        },
    };
    Some(fold_as(key.domain(), &found))
}

/// Folded product of a usage row.
#[must_use]
pub fn product_of(cells: &[Cell<'_>]) -> String {
    fold_as(Domain::Product, &text(cells, Counted::Usage, Part::Product))
}

/// Key of a usage row; `description` gives the part that the lines' MeterDescription repeats for a
/// folded product, `None` for none.
#[must_use]
pub fn of_usage(cells: &[Cell<'_>], description: impl Fn(&str) -> Option<Part>) -> FineKey {
    let description = description(&product_of(cells));
    let text = |part| text(cells, Counted::Usage, part);
    let adjustment = price_adjustment::usage_adjustment(
        &text(Part::CreditType),
        &text(Part::EarnedCreditPercentage),
        &text(Part::CreditPercentage),
    );
    fine_key(cells, Counted::Usage, description, &adjustment)
}

/// Price adjustment of an invoice line, in the words that usage and lines share.
fn line_adjustment(cells: &[Cell<'_>]) -> String {
    let text = |part| text(cells, Counted::Lines, part);
    let discounts = LineDiscounts {
        charge_type: &text(Part::ChargeType),
        description: &text(Part::AdjustmentText),
        promotion_id: &text(Part::PromotionId),
        price: &text(Part::Price),
        unit_price: &text(Part::UnitPrice),
    };
    discounts.adjustment()
}

/// Key and scope of an invoice line. `is_used` is true of a folded product and SKU that have usage.
#[must_use]
pub fn of_line(cells: &[Cell<'_>], is_used: impl Fn(&str, &str) -> bool) -> (FineKey, Scope) {
    let text = |part| text(cells, Counted::Lines, part);
    let folded = |part: Part| fold_as(part.domain(), &text(part));
    let scope = scope::scope_of(LineTexts {
        meter_description: &text(Part::Description),
        charge_type: &text(Part::ChargeType),
        subscription_id: &text(Part::Subscription),
        subscription_description: &text(Part::SubscriptionDescription),
        term: &text(Part::Term),
        reservation_order_id: &text(Part::ReservationOrder),
        charge_end: &text(Part::ChargeEnd),
        product_is_used: is_used(&folded(Part::Product), &folded(Part::Sku)),
    });
    let adjustment = line_adjustment(cells);
    let key = fine_key(cells, Counted::Lines, Some(Part::Description), &adjustment);
    (key, scope)
}

/// Effective unit price (in units of 10^-22) and exchange rate (10^-18) of a row, as far as the row
/// has them. A cell that cannot be read counts as empty: neither number is part of the key.
#[must_use]
pub fn price_and_rate(dataset: Dataset, cells: &[Cell<'_>]) -> (Option<i128>, Option<i128>) {
    const PRICE: &str = "EffectiveUnitPrice";
    const RATE: &str = "PCToBCExchangeRate";
    const OF_USAGE: [usize; 2] = [position(USAGE, PRICE), position(USAGE, RATE)];
    const OF_LINES: [usize; 2] = [
        position(INVOICE_LINES, PRICE),
        position(INVOICE_LINES, RATE),
    ];
    let [price, rate] = match counted(dataset) {
        Counted::Usage | Counted::DailyUsage => OF_USAGE,
        Counted::Lines => OF_LINES,
    };
    let number = |column: usize, name, scale| {
        let parsed = cells[column].decimal(name, scale).ok().flatten();
        parsed.map(|parsed| parsed.value)
    };
    (
        number(price, PRICE, PRICE_SCALE),
        number(rate, RATE, RATE_SCALE),
    )
}
