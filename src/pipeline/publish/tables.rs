//! What was found, as the published tables.

use std::io;

use crate::engine::causes::finding::Finding;
use crate::engine::compare::group::Keys;
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::fold::display_names::NO_METER;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::control_totals::ControlTotal;
use crate::engine::judge::roll_up::Rollup;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};
use crate::model::period::{Day, parse_day};
use crate::model::tables::{
    CONTROL_TOTALS, FINDINGS, LINEAGE, REJECTED_ROWS, RESOURCES, SUMMARY, Table, VARIANCES,
};
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::pipeline::spill::resources::{ResourceBatch, Resources};
use crate::reports::table::{Cells, Filled, PART_ROWS};

type Each<'f> = dyn Fn(&mut Take<'_>) -> io::Result<()> + Send + Sync + 'f;

type Take<'t> = dyn FnMut(&Filled<'_>) -> io::Result<()> + 't;

/// The rows of a table, which are filled part by part: never more than [`PART_ROWS`] at a time.
pub(crate) struct Rows<'f> {
    /// Which table.
    pub(crate) table: &'static Table,
    /// How many rows there are.
    pub(crate) count: usize,
    each: Box<Each<'f>>,
}

impl<'f> Rows<'f> {
    /// Hands over all parts in order.
    ///
    /// # Errors
    /// That of `take`, and where rows on disk cannot be read back.
    pub(crate) fn each_part(&self, take: &mut Take<'_>) -> io::Result<()> {
        (self.each)(take)
    }

    fn of<R: Sync>(
        table: &'static Table,
        rows: &'f [R],
        fill: impl Fn(&'f [R]) -> Filled<'f> + Send + Sync + 'f,
    ) -> Self {
        let each = move |take: &mut Take<'_>| {
            rows.chunks(PART_ROWS)
                .try_for_each(|part| take(&fill(part)))
        };
        Self {
            table,
            count: rows.len(),
            each: Box::new(each),
        }
    }

    fn whole(filled: Filled<'f>) -> Self {
        Self {
            table: filled.table,
            count: filled.rows,
            each: Box::new(move |take| take(&filled)),
        }
    }

    fn of_resources(totals: &'f Folded, all: &'f Resources) -> Self {
        match all {
            Resources::Held(rows) => {
                Self::of(&RESOURCES, rows, |part| resources(totals, part, None))
            }
            Resources::Spilled(rows) => {
                let each = move |take: &mut Take<'_>| {
                    rows.each(PART_ROWS, &mut |part| {
                        take(&resources(totals, &part.rows, Some(part)))
                    })
                };
                Self {
                    table: &RESOURCES,
                    count: rows.count(),
                    each: Box::new(each),
                }
            }
        }
    }
}

/// All tables of a run.
#[must_use]
pub(crate) fn all<'f>(readings: &'f Readings, found: &'f Reconciled) -> Vec<Rows<'f>> {
    let totals = &found.totals;
    vec![
        Rows::of(&VARIANCES, &found.variances, |part| variances(totals, part)),
        Rows::of_resources(totals, &found.resources),
        Rows::of(&SUMMARY, &found.rollups, |part| summary(totals, part)),
        Rows::whole(control_totals(&found.controls)),
        Rows::whole(rejected_rows(readings)),
        Rows::whole(findings(totals, &found.variances)),
        Rows::whole(lineage(readings)),
    ]
}

/// Makes columns of rows.
struct Columns<'f, R> {
    totals: &'f Folded,
    rows: &'f [R],
}

impl<'f, R> Columns<'f, R> {
    fn code(&self, domain: Domain, of: impl Fn(&R) -> u32) -> Cells<'f> {
        Cells::Codes(
            self.rows.iter().map(of).collect(),
            self.totals.vocabulary.all(domain),
        )
    }

    fn name(&self, domain: Domain, key: impl Fn(&R) -> [u32; 3]) -> Cells<'f> {
        self.code(domain, |row| self.totals.names.code(domain, key(row)))
    }

    fn text(&self, of: impl Fn(&R) -> String) -> Cells<'f> {
        Cells::Texts(self.rows.iter().map(of).collect())
    }

    fn integer(&self, of: impl Fn(&R) -> u64) -> Cells<'f> {
        Cells::Integers(
            self.rows
                .iter()
                .map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX))
                .collect(),
        )
    }

    fn decimal(&self, of: impl Fn(&R) -> i128) -> Cells<'f> {
        Cells::Decimals(self.rows.iter().map(of).collect())
    }

    fn period(&self, invoice: impl Fn(&R) -> u32) -> Cells<'f> {
        self.text(|row| {
            self.totals
                .periods
                .get(&invoice(row))
                .map(ToString::to_string)
                .unwrap_or_default()
        })
    }
}

/// The SKU's own name; none for rows that mix SKUs.
fn sku_name(keys: Keys) -> [u32; 3] {
    [keys[Key::Product], keys[Key::Sku], NO_METER]
}

fn variances<'f>(totals: &'f Folded, rows: &'f [Variance]) -> Filled<'f> {
    let columns = Columns { totals, rows };
    let key = |row: &Variance| row.sides.keys;
    let is_lines = |row: &Variance| row.sides.tie_out == TieOut::LinesToInvoice;
    let mut cells = vec![
        columns.text(|row| row.sides.tie_out.name().to_owned()),
        columns.period(|row| key(row)[Key::Invoice]),
        columns.code(Domain::Invoice, |row| key(row)[Key::Invoice]),
        columns.code(Domain::Customer, |row| key(row)[Key::Customer]),
        columns.name(Domain::CustomerName, |row| [key(row)[Key::Customer], 0, 0]),
        columns.code(Domain::Subscription, |row| key(row)[Key::Subscription]),
        columns.code(Domain::Product, |row| key(row)[Key::Product]),
        columns.name(Domain::ProductName, |row| [key(row)[Key::Product], 0, 0]),
        columns.code(Domain::Sku, |row| key(row)[Key::Sku]),
        columns.name(Domain::Description, |row| sku_name(key(row))),
        columns.code(Domain::Availability, |row| key(row)[Key::Availability]),
        columns.code(Domain::Description, |row| key(row)[Key::Description]),
        columns.text(|row| row.sides.charge_type.clone()),
        columns.code(Domain::Adjustment, |row| key(row)[Key::Adjustment]),
        columns.code(Domain::Currency, |row| key(row)[Key::Currency]),
        columns.text(|row| row.sides.matched_on.to_string()),
        columns.integer(|row| {
            if is_lines(row) {
                0
            } else {
                row.sides.expected_rows
            }
        }),
        columns.integer(|row| {
            if is_lines(row) {
                row.sides.expected_rows
            } else {
                row.sides.invoiced_rows
            }
        }),
        columns.decimal(|row| row.sides.expected_quantity),
        columns.decimal(|row| row.sides.invoiced_quantity),
        columns.decimal(|row| row.sides.invoiced_quantity - row.sides.expected_quantity),
        columns.decimal(|row| row.sides.expected_amount),
        columns.decimal(|row| row.sides.invoiced_amount),
        columns.decimal(|row| row.sides.variance_amount()),
        columns.decimal(|row| row.tolerance_amount),
        columns.text(|row| row.status.name().to_owned()),
        columns.text(|row| row.cause.map_or("", Cause::name).to_owned()),
    ];
    cells.extend(Cause::ALL.map(|cause| columns.decimal(|row| row.parts.by(cause))));
    cells.push(columns.text(|row| row.break_id.to_string()));
    Filled::new(&VARIANCES, cells)
}

/// `placed` holds the resources' texts, where the vocabulary does not.
fn resources<'f>(
    totals: &'f Folded,
    rows: &'f [Resource],
    placed: Option<&'f ResourceBatch>,
) -> Filled<'f> {
    let columns = Columns { totals, rows };
    let at = |position: usize| move |row: &Resource| row.key.get(position).copied().unwrap_or(0);
    let meter = |row: &Resource| {
        if row.usage_rows == 0 {
            [0; 3]
        } else {
            [at(4)(row), at(5)(row), at(6)(row)]
        }
    };
    let day = |of: fn(&Resource) -> Day| {
        rows.iter()
            .map(|row| Some(of(row)).filter(|day| *day != Day::MAX && *day != Day::MIN))
            .collect()
    };
    let (groups, texts) = match placed {
        Some(ResourceBatch { groups, texts, .. }) => {
            let groups = Cells::Codes(groups.clone(), totals.vocabulary.all(Domain::ResourceGroup));
            (
                groups,
                Cells::Codes(rows.iter().map(at(7)).collect(), texts),
            )
        }
        None => (
            columns.name(Domain::ResourceGroup, |row| [at(3)(row), at(7)(row), 0]),
            columns.code(Domain::Resource, at(7)),
        ),
    };
    let cells = vec![
        columns.period(at(0)),
        columns.code(Domain::Invoice, at(0)),
        columns.code(Domain::Customer, at(1)),
        columns.name(Domain::CustomerName, |row| [at(1)(row), 0, 0]),
        columns.code(Domain::Subscription, at(2)),
        columns.code(Domain::Entitlement, at(3)),
        columns.code(Domain::Product, at(4)),
        columns.code(Domain::Sku, at(5)),
        columns.code(Domain::Meter, at(6)),
        columns.name(Domain::Description, meter),
        columns.name(Domain::Category, meter),
        groups,
        texts,
        columns.code(Domain::Currency, at(8)),
        columns.integer(|row| row.usage_rows),
        Cells::Days(day(|row| row.first)),
        Cells::Days(day(|row| row.last)),
        columns.decimal(|row| row.quantity),
        columns.name(Domain::Unit, meter),
        columns.decimal(|row| row.expected_amount),
        columns.decimal(|row| row.invoiced_amount),
        columns.decimal(|row| row.invoiced_amount - row.expected_amount),
    ];
    Filled::new(&RESOURCES, cells)
}

fn summary<'f>(totals: &'f Folded, rows: &'f [Rollup]) -> Filled<'f> {
    let columns = Columns { totals, rows };
    let count = |status: Status| {
        columns.integer(move |row| row.groups.get(status as usize).copied().unwrap_or(0))
    };
    let cells = vec![
        columns.text(|row| row.tie_out.name().to_owned()),
        columns.text(|row| row.level.name().to_owned()),
        columns.period(|row| row.keys[Key::Invoice]),
        columns.code(Domain::Invoice, |row| row.keys[Key::Invoice]),
        columns.code(Domain::Customer, |row| row.keys[Key::Customer]),
        columns.name(Domain::CustomerName, |row| [row.keys[Key::Customer], 0, 0]),
        columns.code(Domain::Subscription, |row| row.keys[Key::Subscription]),
        columns.code(Domain::Product, |row| row.keys[Key::Product]),
        columns.code(Domain::Sku, |row| row.keys[Key::Sku]),
        columns.code(Domain::Description, |row| row.keys[Key::Description]),
        columns.code(Domain::Currency, |row| row.keys[Key::Currency]),
        columns.integer(|row| row.groups.iter().sum()),
        count(Status::Tied),
        count(Status::WithinTolerance),
        count(Status::Break),
        count(Status::Awaited),
        count(Status::OutOfScope),
        columns.decimal(|row| row.expected_amount),
        columns.decimal(|row| row.invoiced_amount),
        columns.decimal(|row| row.invoiced_amount - row.expected_amount),
        columns.decimal(|row| row.gross_variance_amount),
        columns.decimal(Rollup::explained_share),
    ];
    Filled::new(&SUMMARY, cells)
}

fn control_totals(rows: &[ControlTotal]) -> Filled<'_> {
    let texts = |of: fn(&ControlTotal) -> &str| {
        Cells::Texts(rows.iter().map(|row| of(row).to_owned()).collect())
    };
    let counts = |of: fn(&ControlTotal) -> u64| {
        Cells::Integers(
            rows.iter()
                .map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX))
                .collect(),
        )
    };
    // The exact amounts stand in the manifest; here they have the digits of every other table.
    let amounts = |of: fn(&ControlTotal) -> i128| {
        Cells::Decimals(
            rows.iter()
                .map(|row| {
                    rescale(of(row), AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::HalfUp).unwrap_or(0)
                })
                .collect(),
        )
    };
    let cells = vec![
        texts(|row| row.step),
        texts(|row| row.source),
        texts(|row| &row.currency),
        counts(|row| row.rows_in),
        counts(|row| row.rows_out),
        counts(|row| row.rows_rejected),
        amounts(|row| row.amount_in),
        amounts(|row| row.amount_out),
        amounts(|row| row.amount_in - row.amount_out),
        Cells::Booleans(rows.iter().map(|row| row.holds).collect()),
    ];
    Filled::new(&CONTROL_TOTALS, cells)
}

fn rejected_rows(readings: &Readings) -> Filled<'_> {
    let rows = &readings.rejected;
    let texts = |of: fn(&crate::model::reject::RejectedRow) -> &str| {
        Cells::Texts(rows.iter().map(|row| of(row).to_owned()).collect())
    };
    let cells = vec![
        texts(|row| row.dataset.name()),
        texts(|row| &row.unit),
        Cells::Integers(
            rows.iter()
                .map(|row| i64::try_from(row.line).unwrap_or(i64::MAX))
                .collect(),
        ),
        texts(|row| &row.rejection.column),
        texts(|row| &row.rejection.found),
        texts(|row| &row.rejection.wanted),
        texts(|row| &row.text),
    ];
    Filled::new(&REJECTED_ROWS, cells)
}

/// Groups that rounding alone does not explain, and those of comparisons that go by more than
/// `variances` has columns for.
fn findings<'f>(totals: &'f Folded, variances: &[Variance]) -> Filled<'f> {
    let rows: Vec<(&Variance, Box<Finding>)> = variances
        .iter()
        .filter(|variance| {
            variance.finding.is_some()
                || variance
                    .sides
                    .keys
                    .iter()
                    .any(|(key, code)| !FINE_KEYS.contains(&key) && code != 0)
        })
        .map(|variance| (variance, variance.finding.clone().unwrap_or_default()))
        .collect();
    let texts = |of: &dyn Fn(&Variance, &Finding) -> String| {
        Cells::Texts(
            rows.iter()
                .map(|(variance, finding)| of(variance, finding))
                .collect(),
        )
    };
    let text = |domain, code| totals.vocabulary.text(domain, code).to_owned();
    let day_of_key = |variance: &Variance| {
        parse_day(
            totals
                .vocabulary
                .text(Domain::Date, variance.sides.keys[Key::Day])
                .as_bytes(),
        )
        .ok()
        .flatten()
    };
    let days = |of: fn((Day, Day)) -> Day| {
        let known = |day: &Day| *day != Day::MAX && *day != Day::MIN;
        Cells::Days(
            rows.iter()
                .map(|(variance, finding)| {
                    finding
                        .days
                        .map(of)
                        .filter(known)
                        .or_else(|| day_of_key(variance))
                })
                .collect(),
        )
    };
    let cells = vec![
        texts(&|variance, _| variance.break_id.to_string()),
        texts(&|variance, _| variance.sides.tie_out.name().to_owned()),
        texts(&|variance, _| variance.status.name().to_owned()),
        texts(&|variance, _| variance.cause.map_or("", Cause::name).to_owned()),
        texts(&|variance, finding| {
            (if variance.finding.is_some() && variance.cause.is_some() {
                finding.narrowest.name()
            } else {
                ""
            })
            .to_owned()
        }),
        texts(&|variance, _| text(Domain::Meter, variance.sides.keys[Key::Meter])),
        texts(&|variance, finding| {
            text(
                Domain::Resource,
                finding
                    .resource
                    .unwrap_or(variance.sides.keys[Key::Resource]),
            )
        }),
        days(|days| days.0),
        days(|days| days.1),
        texts(&|_, finding| finding.steps.rule.clone()),
    ];
    Filled::new(&FINDINGS, cells)
}

fn lineage(readings: &Readings) -> Filled<'_> {
    let mut texts: [Vec<String>; 4] = Default::default();
    for (dataset, unit, customer, subscription) in &readings.lineage {
        for (column, text) in texts
            .iter_mut()
            .zip([*dataset, unit, customer, subscription])
        {
            column.push(text.to_owned());
        }
    }
    Filled::new(&LINEAGE, texts.map(Cells::Texts).into())
}
