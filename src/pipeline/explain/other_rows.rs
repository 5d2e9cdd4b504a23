//! Source rows of both sides of a group, for the tie-outs besides those of the invoice.
//!
//! Rows are found by the keys that are published of the group, and not recounted: a group that a
//! coarse pass made may have fewer rows than carry its keys, as finer passes took some of them.
//! Answers of the API have no lines, and are told by their number in the file.

use std::io;
use std::sync::Arc;

use super::answer::SourceLine;
use super::input_file::{changed, held_as_read};
use super::published::{Published, VarianceRow};
use super::source_rows::{ShownUnit, SourceRows, arithmetic, decode_all, source_line};
use crate::decode::texts::NamedCells;
use crate::decode::{Sink, records};
use crate::engine::count::key_layout::KeyLayout;
use crate::engine::count::partial::Partial;
use crate::engine::fold::entries::Field;
use crate::engine::fold::row_key;
use crate::engine::rules::definitions::{Definition, Measure, Side};
use crate::engine::rules::domain::fold_as;
use crate::engine::rules::feeds::{FEEDS, Feed};
use crate::engine::rules::keys::{KEYS, Key};
use crate::engine::rules::rounding::Rules;
use crate::model::cause::TieOut;
use crate::model::dataset::Dataset;
use crate::model::decimal::{AMOUNT_SCALE, plain};
use crate::model::period::date_of;
use crate::model::record::{RecordColumn, RecordSet, RecordType};
use crate::model::reject::Rejection;
use crate::model::row::Row;
use crate::pipeline::failure::RunError;
use crate::pipeline::intake::held_reading::{ExpectedContent, read_held};
use crate::pipeline::intake::records::field_of;
use crate::sources::files::FileUnit;

/// Keys of a group, and how a row is held against them.
pub(super) struct GroupKeys {
    /// Folded texts, in the order of [`Key::ALL`].
    texts: [String; KEYS],
    /// Keys that all rows share, be they blank: those that the group was matched by.
    shared: Vec<Key>,
    definition: &'static Definition,
    /// Rounding rules of the run.
    rules: Rules,
}

impl GroupKeys {
    /// Keys of a published group; `finding` has its meter, resource, first and last day.
    ///
    /// # Errors
    /// [`RunError::Damaged`] for settings that no run has.
    pub(super) fn of(
        published: &Published,
        definition: &'static Definition,
        row: &VarianceRow,
        [meter, resource, first, last]: [&str; 4],
    ) -> Result<Self, RunError> {
        let day = if first == last { first } else { "" };
        let texts = Key::ALL.map(|key| {
            let text = match key {
                Key::Invoice => &row.invoice_number,
                Key::Customer => &row.customer_id,
                Key::Subscription => &row.subscription_id,
                Key::Product => &row.product_id,
                Key::Sku => &row.sku_id,
                Key::Availability => &row.availability_id,
                Key::Meter => meter,
                Key::Resource => resource,
                Key::Description => &row.meter_description,
                Key::Adjustment => &row.price_adjustment,
                Key::Currency => &row.currency,
                Key::Day => day,
                Key::Line => "",
            };
            fold_as(key.domain(), text)
        });
        let settings = published.settings(definition.tie_out)?;
        let mut passes = settings.passes.iter();
        // A group of one side has the keys of the finest pass, of which no other row had them all.
        let pass = passes.find(|pass| *pass.name == *row.matched_on);
        let shared = match pass.or(settings.passes.first()) {
            // Lines that are as they should be are one group of an invoice, whatever else they name.
            _ if definition.tie_out == TieOut::LineArithmetic => vec![Key::Invoice, Key::Currency],
            Some(pass) => pass.keys.clone(),
            None => Vec::new(),
        };
        Ok(Self {
            texts,
            shared,
            definition,
            rules: settings.rules,
        })
    }

    /// True if a row may be of the group; `of` gives the folded text of a key, `None` for a key that
    /// the side lacks.
    fn fit(&self, of: impl Fn(Key) -> Option<String>) -> bool {
        Key::ALL.iter().zip(&self.texts).all(|(key, wanted)| {
            let is_told = !wanted.is_empty() || self.shared.contains(key);
            // Numbers of lines are not published.
            *key == Key::Line || !is_told || of(*key).is_none_or(|found| found == *wanted)
        })
    }

    /// Rows of one side in all files of its datasets.
    ///
    /// # Errors
    /// [`RunError::Changed`], [`RunError::NotThere`] and [`RunError::Decode`].
    pub(super) fn rows(&self, published: &Published, side: Side) -> Result<SourceRows, RunError> {
        let needs = self.definition.needs;
        let datasets = match side {
            Side::Expected => needs[0],
            // A single entry makes both sides.
            Side::Invoiced => needs[needs.len() - 1],
        };
        let mut rows = SourceRows::default();
        for name in datasets {
            let units = published.units_named(name);
            let mut datasets = Dataset::ALL.into_iter();
            let Some(dataset) = datasets.find(|dataset| dataset.name() == *name) else {
                let set = RecordSet::named(name).expect("a dataset is of records or of rows");
                for unit in &units {
                    rows.merge(self.records(unit, set, side)?);
                }
                continue;
            };
            let (sinks, _) = decode_all(&units, dataset, |shown| KeySink {
                keys: self,
                shown,
                dataset,
                counted: Partial::empty(dataset),
                rows: SourceRows::default(),
            })?;
            sinks.into_iter().for_each(|sink| rows.merge(sink.rows));
        }
        Ok(rows)
    }

    /// Records of a file that are of the group.
    fn records(
        &self,
        unit: &FileUnit,
        set: &'static RecordSet,
        side: Side,
    ) -> Result<SourceRows, RunError> {
        let held = held_as_read(unit)?;
        let expected = ExpectedContent {
            blake3: Some(&unit.blake3),
            otherwise: &|| changed(unit),
        };
        let columns = set.columns();
        let (rows, _) = read_held(&held, &expected, |file| {
            let (mut rows, mut number) = (SourceRows::default(), 0);
            let read = records::read(&unit.name, file, set, &mut |values| {
                number += 1;
                let record = Record {
                    unit,
                    set,
                    columns: &columns,
                    values,
                };
                if let Some((amount, arithmetic)) = self.told_by(&record, side) {
                    let line = record.line(number, amount, arithmetic);
                    rows.push(amount, Some(line));
                }
                io::Result::Ok(())
            })?;
            Ok((rows, read.blake3))
        })?;
        Ok(rows)
    }

    /// Compared figure of a record of the group, and what it is made of; `None` for a record of
    /// another group.
    fn told_by(&self, record: &Record<'_>, side: Side) -> Option<(i128, String)> {
        let tie_out = self.definition.tie_out;
        if tie_out == TieOut::RateCard {
            return self.charge(record);
        }
        let feeds = FEEDS
            .iter()
            .filter(|feed| (feed.set, feed.tie_out, feed.side) == (record.set.name, tie_out, side));
        let fits = |feed: &&Feed| {
            self.fit(|key| match (key, feed.label) {
                (Key::Description, Some(label)) => Some(fold_as(key.domain(), label)),
                (key, _) => {
                    let (_, column) = feed.keys.iter().find(|(of, _)| *of == key)?;
                    self.key_of(record, key, column)
                }
            })
        };
        let feed = feeds.into_iter().find(fits)?;
        Some((record.number(feed.measured), feed.measured.to_owned()))
    }

    /// Folded text of a key of a record. A parameter of the request was told by the path of the
    /// file, which holds the wanted text if it is of the group.
    fn key_of(&self, record: &Record<'_>, key: Key, column: &str) -> Option<String> {
        if let Some(text) = record.text(column) {
            return Some(fold_as(key.domain(), &text));
        }
        let wanted = &self.texts[key as usize];
        let is_told = record.unit.name.to_lowercase().contains(wanted);
        (!wanted.is_empty()).then(|| {
            if is_told {
                wanted.clone()
            } else {
                String::new()
            }
        })
    }

    /// Charge of a classic line, or a tier of the card.
    fn charge(&self, record: &Record<'_>) -> Option<(i128, String)> {
        let is_card = record.set.name == "rate_card";
        let column = |key: Key| match key {
            Key::Meter => Some("meter_id"),
            Key::Currency => Some("currency"),
            Key::Customer if !is_card => Some("customer_id"),
            Key::Subscription if !is_card => Some("subscription_id"),
            Key::Day if !is_card => Some("charge_start_date"),
            _ => None,
        };
        let is_of = self.fit(|key| self.key_of(record, key, column(key)?));
        if !is_of {
            return None;
        }
        Some(if is_card {
            // A tier has a price, and no amount.
            let [from, price, included] =
                ["tier_from", "unit_price", "included_quantity"].map(|name| record.shown(name));
            let words = format!("{price} a unit from {from} units on, {included} units included");
            (0, words)
        } else {
            let [consumed, overage, price] =
                ["consumed_quantity", "overage_quantity", "list_price"]
                    .map(|name| record.shown(name));
            let words = format!("consumed {consumed}, charged {overage} at {price}");
            (record.number("pretax_charges"), words)
        })
    }
}

/// A record of a response.
struct Record<'r> {
    unit: &'r FileUnit,
    set: &'static RecordSet,
    columns: &'r [RecordColumn],
    values: &'r [records::Value],
}

impl Record<'_> {
    fn value(&self, name: &str) -> Option<(&RecordColumn, &records::Value)> {
        let at = self.columns.iter().position(|column| column.name == name)?;
        Some((&self.columns[at], &self.values[at]))
    }

    /// Text of a key; `None` for a parameter of the request, which the path told the run.
    fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.value(name)?;
        Some(match field_of(value) {
            Field::Text(text) => text.to_owned(),
            Field::Day(day) => date_of(day).map_or_else(String::new, |date| date.to_string()),
            Field::Missing | Field::Decimal(_) | Field::Flag(_) => String::new(),
        })
    }

    /// Number of a column; a column without one adds nothing, as in the run.
    fn number(&self, name: &str) -> i128 {
        match self.value(name) {
            Some((_, records::Value::Decimal(number))) => *number,
            _ => 0,
        }
    }

    /// A column as it is shown.
    fn shown(&self, name: &str) -> String {
        match self.value(name) {
            Some((column, records::Value::Decimal(number))) => {
                let RecordType::Decimal(scale) = column.record_type else {
                    return String::new();
                };
                plain(*number, scale)
            }
            _ => "none".to_owned(),
        }
    }

    fn line(&self, number: u64, amount: i128, arithmetic: String) -> SourceLine {
        let cells: NamedCells = self
            .columns
            .iter()
            .filter_map(|column| {
                let text = match self.value(&column.name)? {
                    (_, records::Value::Decimal(_)) => self.shown(&column.name),
                    _ => self.text(&column.name)?,
                };
                let is_told = !text.is_empty();
                is_told.then(|| (Arc::from(column.name.as_str()), text.into_boxed_str()))
            })
            .collect();
        let words = cells.iter().map(|(name, text)| format!("{name}={text}"));
        let text = words.collect::<Vec<_>>().join(" ");
        SourceLine {
            dataset: self.set.name,
            unit: self.unit.name.clone(),
            blake3: self.unit.blake3.clone(),
            usage_date: String::new(),
            order_id: String::new(),
            charge_start_date: String::new(),
            charge_end_date: String::new(),
            entitlement_id: String::new(),
            line: number,
            amount: plain(amount, AMOUNT_SCALE),
            arithmetic,
            text,
            cells,
        }
    }
}

/// Takes the rows of a group from usage or lines.
struct KeySink<'s> {
    keys: &'s GroupKeys,
    shown: ShownUnit<'s>,
    dataset: Dataset,
    /// The rows again, as the run counted them: a row that it refuses was rejected by the run.
    counted: Partial,
    rows: SourceRows,
}

impl Sink for KeySink<'_> {
    fn take(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let measures = (KeyLayout::of(self.dataset).measure)(row.cells)?;
        let is_of_group = self.keys.fit(|key| match key {
            Key::Day => {
                let date = measures.day.and_then(date_of);
                Some(date.map_or_else(String::new, |date| date.to_string()))
            }
            key => row_key::key_of(self.dataset, row.cells, key),
        });
        if !is_of_group {
            return Ok(());
        }
        self.counted.add(row)?;
        let [quantity, amount, ..] = measures.sums;
        let compared = match self.keys.definition.measure {
            Measure::Amount => amount,
            Measure::Quantity => quantity,
        };
        let dataset = match self.dataset {
            Dataset::UnbilledUsage => Dataset::Usage,
            other => other,
        };
        let words = arithmetic(dataset, row.cells, &measures, &self.keys.rules);
        let line = source_line(&self.shown, row, compared, words);
        self.rows.facts.add(dataset, row, &measures);
        self.rows.push(compared, Some(line));
        Ok(())
    }
}
