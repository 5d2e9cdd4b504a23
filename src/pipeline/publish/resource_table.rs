//! The table `resources`: invoiced amounts spread over the Azure resources behind them.

use super::columns::{Columns, NamedCells, filled};
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::key_parts::Part;
use crate::engine::rules::key_projections::resource_field;
use crate::engine::rules::keys::RESOURCE_KEYS;
use crate::model::period::Day;
use crate::model::tables::RESOURCES;
use crate::pipeline::spill::resources::ResourceBatch;
use crate::reports::table::{Cells, TablePart};

// Places in a row's key: a part that rows of `resources` do not have is a compile error.
const INVOICE: usize = resource_field(Part::Invoice);
const CUSTOMER: usize = resource_field(Part::Customer);
const SUBSCRIPTION: usize = resource_field(Part::Subscription);
const ENTITLEMENT: usize = resource_field(Part::Entitlement);
const PRODUCT: usize = resource_field(Part::Product);
const SKU: usize = resource_field(Part::Sku);
const METER: usize = resource_field(Part::Meter);
const RESOURCE: usize = resource_field(Part::Resource);
const CURRENCY: usize = resource_field(Part::Currency);

/// Cells of some rows. `batch` holds the texts of their resources, where the vocabulary of the run
/// does not: of usage that was compared part by part.
pub(super) fn fill<'f>(
    totals: &'f Folded,
    rows: &'f [Resource],
    batch: Option<&'f ResourceBatch>,
) -> TablePart<'f> {
    let columns = Columns { totals, rows };
    let mut cells = keys(&columns, batch);
    cells.extend(figures(&columns));
    filled(&RESOURCES, cells)
}

/// A part of the key, by its place.
fn key<'f, const FIELD: usize>(columns: &Columns<'f, Resource>) -> NamedCells<'f> {
    columns.part(RESOURCE_KEYS[FIELD], |row| row.key[FIELD])
}

/// Codes of product, SKU and meter, which names of meters go with. Amounts without usage have no
/// meter, and so no names.
const fn meter_of(row: &Resource) -> [u32; 3] {
    if row.usage_rows == 0 {
        [0; 3]
    } else {
        [row.key[PRODUCT], row.key[SKU], row.key[METER]]
    }
}

fn keys<'f>(
    columns: &Columns<'f, Resource>,
    batch: Option<&'f ResourceBatch>,
) -> Vec<NamedCells<'f>> {
    let [group, resource] = resource_texts(columns, batch);
    vec![
        columns.period(|row| row.key[INVOICE]),
        key::<INVOICE>(columns),
        key::<CUSTOMER>(columns),
        columns.customer_name(|row| row.key[CUSTOMER]),
        key::<SUBSCRIPTION>(columns),
        key::<ENTITLEMENT>(columns),
        key::<PRODUCT>(columns),
        key::<SKU>(columns),
        key::<METER>(columns),
        columns.name("meter_name", Domain::Description, meter_of),
        columns.name("meter_category", Domain::Category, meter_of),
        group,
        resource,
        key::<CURRENCY>(columns),
    ]
}

/// Resource groups and ARM ids.
fn resource_texts<'f>(
    columns: &Columns<'f, Resource>,
    batch: Option<&'f ResourceBatch>,
) -> [NamedCells<'f>; 2] {
    let Some(ResourceBatch { groups, texts, .. }) = batch else {
        let group = columns.name("resource_group", Domain::ResourceGroup, |row| {
            [row.key[ENTITLEMENT], row.key[RESOURCE], 0]
        });
        return [group, key::<RESOURCE>(columns)];
    };
    // Resource groups are in the vocabulary of all parts; only resources are each part's own.
    let all_groups = columns.totals.vocabulary.all(Domain::ResourceGroup);
    // The key holds places in `texts` here, where rows in memory hold codes of the vocabulary.
    let places = columns.rows.iter().map(|row| row.key[RESOURCE]).collect();
    let resource_column = RESOURCE_KEYS[RESOURCE].row().published;
    [
        NamedCells::new("resource_group", Cells::Codes(groups.clone(), all_groups)),
        NamedCells::new(resource_column, Cells::Codes(places, texts)),
    ]
}

fn figures<'f>(columns: &Columns<'f, Resource>) -> Vec<NamedCells<'f>> {
    let days = |name: &'static str, of: fn(&Resource) -> Day| {
        let days = columns.rows.iter().map(|row| known_day(of(row))).collect();
        NamedCells::new(name, Cells::Days(days))
    };
    vec![
        columns.integer("usage_rows", |row| row.usage_rows),
        days("first_usage_date", |row| row.first),
        days("last_usage_date", |row| row.last),
        columns.decimal("quantity", |row| row.quantity),
        columns.name("unit", Domain::Unit, meter_of),
        columns.decimal("expected_amount", |row| row.expected_amount),
        columns.decimal("invoiced_amount", |row| row.invoiced_amount),
        columns.decimal("variance_amount", |row| {
            row.invoiced_amount - row.expected_amount
        }),
    ]
}

/// A day, or `None` for the first and last of no days.
pub(super) fn known_day(day: Day) -> Option<Day> {
    (day != Day::MAX && day != Day::MIN).then_some(day)
}
