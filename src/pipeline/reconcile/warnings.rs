//! Warnings about results that a wrong input file explains better than a wrong invoice.

use hashbrown::{HashMap, HashSet};

use super::laws::SOURCES;
use super::usage_to_invoice::UsageStages;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Status, TieOut};

/// Keys that usage and lines of one thing share, whatever currency either is in.
const WITHOUT_CURRENCY: [Key; 5] = [
    Key::Invoice,
    Key::Customer,
    Key::Subscription,
    Key::Product,
    Key::Sku,
];

/// Currencies of one-sided breaks of the same thing.
#[derive(Default)]
struct OneSided {
    /// Codes of the currencies of usage without a line.
    used: HashSet<u32>,
    /// Codes of the currencies of lines without usage.
    invoiced: HashSet<u32>,
}

/// Warns of rows without a customer id. Old answers leave the id out; such rows match only rows
/// that lack it too.
pub(super) fn of_missing_customers(stages: &UsageStages<'_>, warnings: &mut Vec<String>) {
    for (source, rows) in SOURCES.into_iter().zip(stages.blank) {
        if rows > 0 {
            warnings.push(format!("`{source}`: rows without a customer id: {rows}"));
        }
    }
}

/// Warns where nothing matched at all, and where usage and lines differ in their currency only.
pub(super) fn of_mismatches(
    totals: &Folded,
    stages: &UsageStages<'_>,
    variances: &[Variance],
    warnings: &mut Vec<String>,
) {
    if !stages.has_matched && stages.has_rows == [true; 2] {
        warnings.push(
            "no usage matched any invoice line: are the files for the same invoice and period?"
                .to_owned(),
        );
    }
    let mut by_thing: HashMap<[u32; WITHOUT_CURRENCY.len()], OneSided> = HashMap::new();
    for variance in variances.iter().filter(|variance| {
        variance.status == Status::Break && variance.sides.tie_out == TieOut::UsageToInvoice
    }) {
        let sides = &variance.sides;
        let slot = by_thing
            .entry(WITHOUT_CURRENCY.map(|key| sides.keys[key]))
            .or_default();
        let currency = sides.keys[Key::Currency];
        if sides.invoiced_rows == 0 {
            slot.used.insert(currency);
        } else if sides.expected_rows == 0 {
            slot.invoiced.insert(currency);
        }
    }
    // A set of currencies that both sides have is a break of another kind.
    let mut mixed: Vec<String> = by_thing
        .iter()
        .filter(|(_, OneSided { used, invoiced })| {
            !used.is_empty() && !invoiced.is_empty() && used.is_disjoint(invoiced)
        })
        .map(|(codes, currencies)| mixed_currencies(totals, *codes, currencies))
        .collect();
    // The map has no order, and warnings are published.
    mixed.sort();
    warnings.append(&mut mixed);
}

/// Words of the warning for usage and lines in different currencies.
fn mixed_currencies(
    totals: &Folded,
    codes: [u32; WITHOUT_CURRENCY.len()],
    currencies: &OneSided,
) -> String {
    let list = |codes: &HashSet<u32>| {
        let mut names: Vec<&str> = codes
            .iter()
            .map(|code| totals.vocabulary.text(Domain::Currency, *code))
            .collect();
        names.sort_unstable();
        names.join(", ")
    };
    let [_, customer, subscription, product, _] = codes;
    format!(
        "customer `{}`, subscription `{}`, product `{}`: usage is in {}, invoice lines are in {}; amounts in different currencies are never netted",
        totals.vocabulary.text(Domain::Customer, customer),
        totals.vocabulary.text(Domain::Subscription, subscription),
        totals.vocabulary.text(Domain::Product, product),
        list(&currencies.used),
        list(&currencies.invoiced)
    )
}
