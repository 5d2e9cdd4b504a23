//! Exports of a version: those whose content is that of the version before are its very bytes, with
//! its eTag; the others are restated.

use std::collections::BTreeSet;
use std::path::Path;

use super::tables::{Place, Tables};
use crate::model::dataset::Dataset;
use crate::model::decimal::{PUBLISHED_SCALE, fixed};
use crate::synth::course::Made;
use crate::synth::output::Contents;
use crate::synth::request::SynthError;
use crate::synth::truth::published;
use crate::synth::write::Content;

/// Folder of a dataset, and its name in the tables.
const fn names(dataset: Dataset) -> (&'static str, &'static str) {
    match dataset {
        Dataset::InvoiceLines => ("recon", "invoice_lines"),
        _ => ("usage", "usage"),
    }
}

/// Puts the bytes of the version before in the place of those that say the same in another order.
pub(super) fn keep_unchanged(
    (before, after): (&Contents, &Contents),
    (from, to): (&Path, &Path),
) -> Result<(), SynthError> {
    for ((dataset, invoice), content) in after {
        if before.get(&(*dataset, invoice.clone())) != Some(content) {
            continue;
        }
        for format in ["v1", "v2"] {
            let below = Path::new(names(*dataset).0).join(format).join(invoice);
            let (from, to) = (from.join(&below), to.join(&below));
            if to.is_dir() {
                link(&from, &to).map_err(|source| SynthError::Io { path: to, source })?;
            }
        }
    }
    Ok(())
}

/// Makes `to` a folder of the same files as `from`, which are never written to again.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::remove_dir_all(to)?;
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // Not every file system has hard links.
        if std::fs::hard_link(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Notes every export that is restated.
pub(super) fn note_restated(tables: &mut Tables, place: &Place, before: &Made, after: &Made) {
    let keys = before.contents.keys().chain(after.contents.keys());
    let keys: BTreeSet<_> = keys.collect();
    for key in keys {
        let side = |made: &Made| made.contents.get(key).copied().unwrap_or_default();
        let (old, new) = (side(before), side(after));
        if old == new {
            continue;
        }
        let mut currencies = after.currencies.iter();
        let currency = currencies.find(|(number, _)| *number == key.1);
        let amount = |content: Content| published(content.amount);
        let amounts = [amount(old), amount(new), amount(new) - amount(old)];
        let [first, last, delta] = amounts.map(|amount| fixed(amount, PUBLISHED_SCALE));
        let cells = [
            names(key.0).1,
            &key.1,
            currency.map_or("", |(_, currency)| currency),
            &old.etag(),
            &new.etag(),
            &old.rows.to_string(),
            &new.rows.to_string(),
            &first,
            &last,
            &delta,
        ];
        let place = place.iter().map(String::as_str);
        tables.restatements.row(place.chain(cells));
    }
}
