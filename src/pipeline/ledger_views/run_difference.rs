//! The difference between two runs: breaks that are new, moved or gone, from the published variances
//! of both. For each unit before + new + moved - gone = after, to the last digit.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::{
    DataFrame, DataFrameJoinOps as _, IntoColumn as _, JoinArgs, JoinCoalesce, JoinType,
    NamedFrom as _, Series,
};
use serde::Serialize;

use super::break_rows::first_text;
use super::place::{self, StreamChoice};
use super::run_log::{self, RunRow};
use super::sums::{ExactSum, SumMeasure, SumUnit};
use crate::ledger::runs;
use crate::model::cause::Status;
use crate::pipeline::explain::run_folder::RunFolder;
use crate::pipeline::failure::RunError;

/// Columns of `variances` that are read.
const COLUMNS: [&str; 13] = [
    "status",
    "break_id",
    "tie_out",
    "currency",
    "cause",
    "variance_amount",
    "variance_quantity",
    "customer_name",
    "customer_id",
    "invoice_number",
    "meter_description",
    "product_name",
    "product_id",
];

/// Break that differs between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedBreak {
    /// Id, the same in both runs.
    pub break_id: String,
    /// Name of the comparison.
    pub tie_out: String,
    /// Measure and currency of the amounts.
    #[serde(flatten)]
    pub unit: SumUnit,
    /// Customer in words: name, id, or the invoice of a break without one.
    pub customer: String,
    /// Item in words: meter text, or name or id of the product.
    pub item: String,
    /// Cause in the run before; empty for a new break.
    pub cause_before: String,
    /// Cause in the run after; empty for one that is gone.
    pub cause_after: String,
    /// Amount in the run before; 0 for a new break.
    pub before: ExactSum,
    /// Amount in the run after; 0 for one that is gone.
    pub after: ExactSum,
    /// Amount after less amount before.
    pub change: ExactSum,
}

/// Sums of one unit: before + new + moved - gone = after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitMovement {
    /// Measure and currency of the sums.
    #[serde(flatten)]
    pub unit: SumUnit,
    /// Sum of all breaks before.
    pub before: ExactSum,
    /// Sum of breaks that came.
    pub new: ExactSum,
    /// Sum of the changes of breaks that stayed.
    pub moved: ExactSum,
    /// Sum of breaks that have gone, as they were.
    pub gone: ExactSum,
    /// Sum of all breaks after.
    pub after: ExactSum,
    /// Number of breaks that stayed as they were.
    pub unchanged_breaks: u64,
}

/// Run of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedRun {
    /// Number of the run.
    pub run_no: i64,
    /// Id of the run.
    pub run_id: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Billing period of the runs.
    pub period: String,
    /// Time of the end, UTC.
    pub finished_at: String,
}

/// Difference between two runs. Breaks stand by unit, the largest change first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunDifference {
    /// Run from which the difference begins.
    pub before: ComparedRun,
    /// Run to which the difference leads.
    pub after: ComparedRun,
    /// Sums by measure and currency.
    pub totals: Vec<UnitMovement>,
    /// Breaks of the run after alone.
    pub new: Vec<ChangedBreak>,
    /// Breaks of both, with different amounts.
    pub moved: Vec<ChangedBreak>,
    /// Breaks of the run before alone.
    pub gone: Vec<ChangedBreak>,
}

/// Break of one run: the sum of its groups.
#[derive(Clone, Debug)]
struct RunBreak {
    tie_out: String,
    unit: SumUnit,
    cause: String,
    /// Largest absolute amount of a group, of which the cause is told.
    largest: ExactSum,
    amount: ExactSum,
    customer: String,
    item: String,
}

/// Compares two published runs, each a number, an id, `last` or `previous`.
///
/// # Errors
/// [`RunError::NotThere`] where there is no such run, [`RunError::Damaged`] where its tables are not
/// as they were published, and errors of the ledger.
///
/// # Panics
/// If the sums do not foot: a bug of ours.
pub fn difference(
    out: &Path,
    choice: &StreamChoice,
    names: [&str; 2],
) -> Result<RunDifference, RunError> {
    let ledger = place::open(out)?;
    let log = ledger.read(runs::all)?;
    let [before, after] = run_log::pair(&log, choice, names)?;
    let (left, right) = (breaks_of(out, before)?, breaks_of(out, after)?);
    let mut found = RunDifference {
        before: compared(before),
        after: compared(after),
        totals: Vec::new(),
        new: Vec::new(),
        moved: Vec::new(),
        gone: Vec::new(),
    };
    let mut totals: BTreeMap<SumUnit, UnitMovement> = BTreeMap::new();
    for (id, was, is) in joined(&left, &right) {
        sort_in(&mut found, &mut totals, id, [was, is]);
    }
    for list in [&mut found.new, &mut found.moved, &mut found.gone] {
        list.sort_by(|one, other| {
            let size = other.change.abs().cmp(&one.change.abs());
            let unit = one.unit.cmp(&other.unit);
            unit.then(size)
                .then_with(|| one.break_id.cmp(&other.break_id))
        });
    }
    found.totals = totals.into_values().collect();
    ensure_footing(&found.totals, &left, &right);
    Ok(found)
}

fn compared(run: &RunRow) -> ComparedRun {
    ComparedRun {
        run_no: run.run_no,
        run_id: run.run_id.clone(),
        pipeline: run.pipeline.clone(),
        period: run.period.clone(),
        finished_at: run.finished_at.clone(),
    }
}

/// Breaks of a published run by their ids without the numbers of groups.
fn breaks_of(out: &Path, run: &RunRow) -> Result<BTreeMap<String, RunBreak>, RunError> {
    run_log::ensure_there(out, run)?;
    let folder = RunFolder::with_tables(out, Some(&run.run_id), &["variances"])?;
    let mut breaks: BTreeMap<String, RunBreak> = BTreeMap::new();
    let mut strange = None;
    folder.rows("variances", COLUMNS, |row| {
        let [
            status,
            id,
            tie_out,
            currency,
            cause,
            amount,
            quantity,
            name,
            customer,
            invoice,
            meter,
            product,
            product_id,
        ] = row;
        if status != Status::Break.name() {
            return;
        }
        let unit = SumUnit::of(&tie_out, &currency);
        let text = match unit.measure {
            SumMeasure::Amount => amount,
            SumMeasure::Quantity => quantity,
        };
        let Some(amount) = ExactSum::parse(&text) else {
            strange = Some(text);
            return;
        };
        let id = id.split('.').next().map_or_else(String::new, str::to_owned);
        let one = breaks.entry(id).or_insert_with(|| RunBreak {
            unit,
            cause: String::new(),
            largest: ExactSum::default(),
            amount: ExactSum::default(),
            customer: first_text([&name, &customer, &invoice]).to_owned(),
            item: first_text([&meter, &product, &product_id]).to_owned(),
            tie_out,
        });
        if one.cause.is_empty() || amount.abs() > one.largest {
            one.cause = cause;
            one.largest = amount.abs();
        }
        one.amount += amount;
    })?;
    match strange {
        None => Ok(breaks),
        Some(text) => Err(folder.damaged("variances.parquet", &format!("`{text}` as an amount"))),
    }
}

/// Breaks of either run, each with both of its sides.
fn joined<'b>(
    left: &'b BTreeMap<String, RunBreak>,
    right: &'b BTreeMap<String, RunBreak>,
) -> Vec<(&'b str, Option<&'b RunBreak>, Option<&'b RunBreak>)> {
    let frame = |breaks: &BTreeMap<String, RunBreak>, name: &str| {
        let ids: Vec<&str> = breaks.keys().map(String::as_str).collect();
        let rows: Vec<u32> = (0..).take(ids.len()).collect();
        let columns = vec![
            Series::new("break_id".into(), &ids).into_column(),
            Series::new(name.into(), rows).into_column(),
        ];
        DataFrame::new(ids.len(), columns).expect("a row for each id")
    };
    let sides = (frame(left, "left"), frame(right, "right"));
    let how = JoinArgs::new(JoinType::Full).with_coalesce(JoinCoalesce::CoalesceColumns);
    let met = sides
        .0
        .join(&sides.1, ["break_id"], ["break_id"], how, None)
        .expect("both frames have the ids");
    let rows = |name: &str| -> Vec<Option<u32>> {
        let column = met.column(name).expect("the join has both sides");
        column.u32().expect("rows are numbers").iter().collect()
    };
    let (lefts, rights): (Vec<_>, Vec<_>) = (left.iter().collect(), right.iter().collect());
    let pairs = rows("left").into_iter().zip(rows("right"));
    let pairs: Vec<_> = pairs
        .map(|(was, is)| {
            let was = was.map(|row| lefts[row as usize]);
            let is = is.map(|row| rights[row as usize]);
            let (id, _) = was.or(is).expect("a row of a join has a side");
            (id.as_str(), was.map(|side| side.1), is.map(|side| side.1))
        })
        .collect();
    let met: usize = pairs
        .iter()
        .map(|(_, was, is)| usize::from(was.is_some()) + usize::from(is.is_some()))
        .sum();
    assert_eq!(met, left.len() + right.len(), "a join loses no break");
    pairs
}

/// Puts a break where it belongs, and adds it up.
fn sort_in(
    found: &mut RunDifference,
    totals: &mut BTreeMap<SumUnit, UnitMovement>,
    id: &str,
    [was, is]: [Option<&RunBreak>; 2],
) {
    let one = is.or(was).expect("a row of a join has a side");
    let amount = |side: Option<&RunBreak>| side.map_or(ExactSum::default(), |side| side.amount);
    let cause = |side: Option<&RunBreak>| side.map_or(String::new(), |side| side.cause.clone());
    let (before, after) = (amount(was), amount(is));
    let total = totals
        .entry(one.unit.clone())
        .or_insert_with_key(|unit| UnitMovement {
            unit: unit.clone(),
            before: ExactSum::default(),
            new: ExactSum::default(),
            moved: ExactSum::default(),
            gone: ExactSum::default(),
            after: ExactSum::default(),
            unchanged_breaks: 0,
        });
    total.before += before;
    total.after += after;
    let list = match (was, is) {
        (None, _) => {
            total.new += after;
            &mut found.new
        }
        (_, None) => {
            total.gone += before;
            &mut found.gone
        }
        _ if before == after => {
            total.unchanged_breaks += 1;
            return;
        }
        _ => {
            total.moved += after - before;
            &mut found.moved
        }
    };
    list.push(ChangedBreak {
        break_id: id.to_owned(),
        tie_out: one.tie_out.clone(),
        unit: one.unit.clone(),
        customer: one.customer.clone(),
        item: one.item.clone(),
        cause_before: cause(was),
        cause_after: cause(is),
        before,
        after,
        change: after - before,
    });
}

/// The law of a comparison: its movements lead from the sums of one run to those of the other.
fn ensure_footing(
    totals: &[UnitMovement],
    left: &BTreeMap<String, RunBreak>,
    right: &BTreeMap<String, RunBreak>,
) {
    let sums = |breaks: &BTreeMap<String, RunBreak>| {
        let mut sums: BTreeMap<SumUnit, ExactSum> = BTreeMap::new();
        for one in breaks.values() {
            *sums.entry(one.unit.clone()).or_default() += one.amount;
        }
        sums
    };
    let (left, right) = (sums(left), sums(right));
    for total in totals {
        let of = |sums: &BTreeMap<SumUnit, ExactSum>| sums.get(&total.unit).copied();
        let (before, after) = (
            of(&left).unwrap_or_default(),
            of(&right).unwrap_or_default(),
        );
        assert_eq!(
            before + total.new + total.moved - total.gone,
            after,
            "the movements of {:?} lead from one run to the other",
            total.unit
        );
    }
}
