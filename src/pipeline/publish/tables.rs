//! The published tables of a run, filled part by part, so that a table is never in memory as a
//! whole.

use std::io;

use super::{resource_table, run_tables, variance_tables};
use crate::engine::fold::folded::Folded;
use crate::model::tables::{RESOURCES, SUMMARY, Table, VARIANCES};
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::pipeline::spill::resources::{ResourceGrain, Resources};
use crate::reports::table::{PART_ROWS, TablePart};

/// Taker of the filled parts of a table, one after the other.
pub(super) type TakePart<'t> = dyn FnMut(&TablePart<'_>) -> io::Result<()> + 't;

/// Filler of a table: hands over all of its parts.
type FillParts<'f> = dyn Fn(&mut TakePart<'_>) -> io::Result<()> + Send + Sync + 'f;

/// The rows of a table, which are filled part by part: never more than [`PART_ROWS`] at a time.
pub(super) struct Rows<'f> {
    /// Definition of the table.
    pub(super) table: &'static Table,
    /// Number of rows in all parts.
    pub(super) count: usize,
    fill_parts: Box<FillParts<'f>>,
}

impl<'f> Rows<'f> {
    /// Hands over all parts in order.
    ///
    /// # Errors
    /// That of `take`, and where rows on disk cannot be read back.
    pub(super) fn each_part(&self, take: &mut TakePart<'_>) -> io::Result<()> {
        (self.fill_parts)(take)
    }

    fn of<R: Sync>(
        table: &'static Table,
        rows: &'f [R],
        fill: impl Fn(&'f [R]) -> TablePart<'f> + Send + Sync + 'f,
    ) -> Self {
        // Parts bound the memory of a write, and are the same at any number of threads.
        let fill_parts = move |take: &mut TakePart<'_>| {
            rows.chunks(PART_ROWS)
                .try_for_each(|part| take(&fill(part)))
        };
        Self {
            table,
            count: rows.len(),
            fill_parts: Box::new(fill_parts),
        }
    }

    /// A small table, filled at once.
    fn whole(filled: TablePart<'f>) -> Self {
        Self {
            table: filled.table,
            count: filled.rows,
            fill_parts: Box::new(move |take| take(&filled)),
        }
    }

    fn of_resources(totals: &'f Folded, all: &'f Resources) -> Self {
        let grain = ResourceGrain::Resource;
        // On disk or not, in parts of one size: row groups, and so the bytes of the file, are the
        // same whether memory is bound or not.
        let fill_parts = move |take: &mut TakePart<'_>| {
            all.each(grain, PART_ROWS, &mut |rows, batch| {
                take(&resource_table::fill(totals, rows, batch))
            })
        };
        Self {
            table: &RESOURCES,
            count: all.count(grain),
            fill_parts: Box::new(fill_parts),
        }
    }
}

/// All tables of a run, in the order of [`TABLES`](crate::model::tables::TABLES).
pub(super) fn all<'f>(readings: &'f Readings, found: &'f Reconciled) -> Vec<Rows<'f>> {
    let totals = &found.totals;
    vec![
        Rows::of(&VARIANCES, &found.variances, |part| {
            variance_tables::variances(totals, part)
        }),
        Rows::of_resources(totals, &found.resources),
        Rows::of(&SUMMARY, &found.rollups, |part| {
            variance_tables::summary(totals, part)
        }),
        Rows::whole(run_tables::control_totals(&found.controls)),
        Rows::whole(run_tables::rejected_rows(readings)),
        Rows::whole(variance_tables::findings(totals, &found.variances)),
        Rows::whole(run_tables::lineage(readings)),
    ]
}
