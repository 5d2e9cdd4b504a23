//! What more likely comes of a wrong file than of a wrong invoice.

use hashbrown::{HashMap, HashSet};

use super::usage_to_invoice::Course;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::model::cause::{Status, TieOut};

/// Mismatches that are more likely a wrong file than a wrong invoice.
pub(super) fn warn(
    totals: &Folded,
    course: &Course<'_>,
    variances: &[Variance],
    warnings: &mut Vec<String>,
) {
    if !course.has_met && course.has_rows == [true; 2] {
        warnings.push(
            "no usage found its invoice line: are both of the same invoice and period?".to_owned(),
        );
    }
    let mut currencies: HashMap<[u32; 5], (HashSet<u32>, HashSet<u32>)> = HashMap::new();
    for variance in variances.iter().filter(|variance| {
        variance.status == Status::Break && variance.sides.tie_out == TieOut::UsageToInvoice
    }) {
        let keys = variance.sides.keys;
        let slot = currencies
            .entry([
                keys[Key::Invoice],
                keys[Key::Customer],
                keys[Key::Subscription],
                keys[Key::Product],
                keys[Key::Sku],
            ])
            .or_default();
        match (variance.sides.expected_rows, variance.sides.invoiced_rows) {
            (_, 0) => drop(slot.0.insert(keys[Key::Currency])),
            (0, _) => drop(slot.1.insert(keys[Key::Currency])),
            _ => {}
        }
    }
    let mut mixed: Vec<String> = currencies
        .iter()
        .filter(|(_, (used, invoiced))| !used.is_empty() && !invoiced.is_empty() && used.is_disjoint(invoiced))
        .map(|([_, customer, subscription, product, _], (used, invoiced))| {
            let text = |domain, code: &u32| totals.vocabulary.text(domain, *code).to_owned();
            let list = |codes: &HashSet<u32>| {
                let mut names: Vec<String> = codes.iter().map(|code| text(Domain::Currency, code)).collect();
                names.sort();
                names.join(", ")
            };
            let (customer, plan) = (text(Domain::Customer, customer), text(Domain::Subscription, subscription));
            let product = text(Domain::Product, product);
            format!(
                "customer `{customer}`, subscription `{plan}`, product `{product}`: used in {}, invoiced in {}; currencies are never netted",
                list(used),
                list(invoiced)
            )
        })
        .collect();
    mixed.sort();
    warnings.append(&mut mixed);
}
