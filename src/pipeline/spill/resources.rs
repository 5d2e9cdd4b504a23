//! The rows of the table `resources`: in memory, or on disk where usage was compared part by part.
//!
//! A row on disk carries the text of its own resource, as the codes of resources are those of one
//! part of usage, and mean nothing in another. `write` and `ResourceBatch::read` must change
//! together. What is read back is summed up and compared with what was written.

use std::io;
use std::sync::Arc;

use super::scratch::{self, Extent, Scratch};
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::model::period::{Day, Period};

/// Index of the resource in [`Resource::key`].
const RESOURCE: usize = 7;

/// Index of the entitlement in [`Resource::key`].
const ENTITLEMENT: usize = 3;

/// All rows of `resources`, in published order.
#[derive(Debug)]
pub enum Resources {
    /// Rows that are held in memory.
    Held(Vec<Resource>),
    /// Rows in the scratch file.
    Spilled(SpilledResources),
}

/// Grain in which the rows are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceGrain {
    /// A row for each resource, as `resources` has them.
    Resource,
    /// A row for each resource in each group of `variances`.
    ResourceInGroup,
}

/// Taker of rows; of rows that were on disk with the texts of their resources.
type TakeResources<'t> = dyn FnMut(&[Resource], Option<&ResourceBatch>) -> io::Result<()> + 't;

impl Resources {
    /// Number of rows at a grain.
    pub(crate) fn count(&self, grain: ResourceGrain) -> usize {
        match (self, grain) {
            (Self::Held(rows), ResourceGrain::ResourceInGroup) => rows.len(),
            (Self::Held(rows), ResourceGrain::Resource) => {
                rows.chunk_by(|left, right| left.key == right.key).count()
            }
            (Self::Spilled(rows), ResourceGrain::ResourceInGroup) => rows.written.rows,
            (Self::Spilled(rows), ResourceGrain::Resource) => rows.resources,
        }
    }

    /// Hands over all rows in published order, `rows` at a time; the last batch may be smaller.
    ///
    /// # Errors
    /// Those of the file system and of `take`; one, too, if what is read back from disk is not what
    /// was written.
    pub(crate) fn each(
        &self,
        grain: ResourceGrain,
        rows: usize,
        take: &mut TakeResources<'_>,
    ) -> io::Result<()> {
        match (self, grain) {
            (Self::Held(all), ResourceGrain::ResourceInGroup) => {
                all.chunks(rows).try_for_each(|part| take(part, None))
            }
            (Self::Held(all), ResourceGrain::Resource) => {
                let mut of_resource = all.chunk_by(|left, right| left.key == right.key).peekable();
                while of_resource.peek().is_some() {
                    let part: Vec<Resource> = of_resource.by_ref().take(rows).map(whole).collect();
                    take(&part, None)?;
                }
                Ok(())
            }
            (Self::Spilled(all), grain) => {
                all.each(grain, rows, &mut |batch| take(&batch.rows, Some(batch)))
            }
        }
    }
}

/// A resource over all of its groups.
fn whole(groups: &[Resource]) -> Resource {
    let mut whole = groups[0].clone();
    groups[1..].iter().for_each(|group| whole.absorb(group));
    whole
}

/// Rows in the scratch file, which are added part by part and read back in published order.
#[derive(Debug)]
pub struct SpilledResources {
    scratch: Arc<Scratch>,
    runs: Vec<Run>,
    /// Sums of all rows that were written.
    written: ResourceSums,
    /// Number of resources, each over all of its groups.
    resources: usize,
}

/// Sums over rows, by which the rows that are read back are compared with those that were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ResourceSums {
    rows: usize,
    usage_rows: u64,
    /// Sums of quantities, expected and invoiced amounts. They wrap beyond 128 bits, both times
    /// alike.
    numbers: [i128; 3],
}

impl ResourceSums {
    fn add(&mut self, resource: &Resource) {
        self.rows += 1;
        self.usage_rows += resource.usage_rows;
        let numbers = [
            resource.quantity,
            resource.expected_amount,
            resource.invoiced_amount,
        ];
        for (sum, number) in self.numbers.iter_mut().zip(numbers) {
            *sum = sum.wrapping_add(number);
        }
    }
}

/// The rows of one subscription on one invoice, all of which come from one part of usage.
#[derive(Debug)]
struct Run {
    /// Period, and codes of invoice, customer and subscription: the first keys of the published
    /// order.
    order: (Option<Period>, [u32; 3]),
    extent: Extent,
    /// Number of rows in the extent.
    rows: usize,
}

/// A batch of rows, with the texts of their resources.
#[derive(Debug, Default)]
pub(crate) struct ResourceBatch {
    /// Rows whose resource is an index of `texts`, not a code.
    pub(crate) rows: Vec<Resource>,
    /// Ids of the resources in Azure Resource Manager, one for each row.
    pub(crate) texts: Vec<String>,
    /// Codes of the resource groups, parallel to `rows`.
    pub(crate) groups: Vec<u32>,
}

impl SpilledResources {
    /// No rows yet; they will go to `scratch`.
    pub(crate) fn new(scratch: Arc<Scratch>) -> Self {
        Self {
            scratch,
            runs: Vec::new(),
            written: ResourceSums::default(),
            resources: 0,
        }
    }

    /// Adds the rows of a part, which are in published order; `totals` give the texts of their
    /// codes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn add(&mut self, totals: &Folded, resources: &[Resource]) -> io::Result<()> {
        let order = |resource: &Resource| {
            let [invoice, customer, subscription, ..] = resource.key;
            (
                totals.periods.get(&invoice).copied(),
                [invoice, customer, subscription],
            )
        };
        for resource in resources {
            self.written.add(resource);
        }
        let groups = resources.chunk_by(|left, right| left.key == right.key);
        self.resources += groups.count();
        let mut bytes = Vec::new();
        let (mut runs, mut ends) = (Vec::new(), Vec::new());
        for run in resources.chunk_by(|left, right| order(left) == order(right)) {
            for resource in run {
                write(totals, resource, &mut bytes);
            }
            runs.push((order(&run[0]), run.len()));
            ends.push(bytes.len());
        }
        // One write for all rows of the part, of which each run is an extent.
        let extents = self.scratch.append_pieces(&bytes, &ends)?;
        let added = runs.into_iter().zip(extents);
        self.runs.extend(added.map(|((order, rows), extent)| Run {
            order,
            rows,
            extent,
        }));
        Ok(())
    }

    /// Hands over all rows; see [`Resources::each`].
    fn each(
        &self,
        grain: ResourceGrain,
        rows: usize,
        take: &mut dyn FnMut(&ResourceBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut runs: Vec<&Run> = self.runs.iter().collect();
        // Within a run the rows are in order already, so that sorting the runs sorts all rows.
        runs.sort_by_key(|run| run.order);
        let (mut batch, mut found) = (ResourceBatch::default(), ResourceSums::default());
        for run in runs {
            let bytes = self.scratch.read(run.extent)?;
            let mut from = bytes.as_slice();
            for _ in 0..run.rows {
                let resource = batch.read(&mut from).ok_or_else(scratch::other_bytes)?;
                found.add(resource);
                if grain == ResourceGrain::Resource {
                    batch.join_last();
                }
                // One more than is wanted: the last row may still have been joined.
                if batch.rows.len() > rows {
                    let next = batch.split_last();
                    take(&batch)?;
                    batch = next;
                }
            }
        }
        // A disk that returns other bytes without an error must not reach a published table.
        if found != self.written {
            return Err(scratch::other_bytes());
        }
        if batch.rows.is_empty() {
            Ok(())
        } else {
            take(&batch)
        }
    }
}

/// Appends a row: codes of its key, number of its group, code of its resource group, length and text of its resource, then
/// its numbers, all little-endian.
fn write(totals: &Folded, resource: &Resource, out: &mut Vec<u8>) {
    // Codes of all other keys hold for all parts; that of the resource does not.
    let key = resource.key;
    let text = totals.vocabulary.text(Domain::Resource, key[RESOURCE]);
    let group = totals
        .names
        .code(Domain::ResourceGroup, [key[ENTITLEMENT], key[RESOURCE], 0]);
    let length = u32::try_from(text.len()).expect("the text of a cell is below 4 GiB");
    for code in key.into_iter().chain([resource.group, group, length]) {
        out.extend_from_slice(&code.to_le_bytes());
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(&resource.usage_rows.to_le_bytes());
    for day in [resource.first, resource.last] {
        out.extend_from_slice(&day.to_le_bytes());
    }
    let numbers = [
        resource.quantity,
        resource.expected_amount,
        resource.invoiced_amount,
    ];
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Cuts `N` bytes off the front; `None` if there are fewer.
fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*taken)
}

impl ResourceBatch {
    /// Joins the last row to the one before it if they are of one resource.
    fn join_last(&mut self) {
        let [.., before, last] = self.rows.as_mut_slice() else {
            return;
        };
        let named = |resource: &Resource| {
            let mut key = resource.key;
            let text = std::mem::take(&mut key[RESOURCE]);
            (key, &self.texts[text as usize])
        };
        if named(before) == named(last) {
            before.absorb(last);
            self.rows.pop();
            self.texts.pop();
            self.groups.pop();
        }
    }

    /// Takes the last row off, as a batch of its own.
    fn split_last(&mut self) -> Self {
        let mut last = Self {
            rows: self.rows.pop().into_iter().collect(),
            texts: self.texts.pop().into_iter().collect(),
            groups: self.groups.pop().into_iter().collect(),
        };
        // Rows and texts go together: places count from the first text of their own batch.
        for resource in &mut last.rows {
            resource.key[RESOURCE] = 0;
        }
        last
    }

    /// Reads one row, as [`write()`] wrote it, and appends it; `None` for other bytes.
    fn read(&mut self, from: &mut &[u8]) -> Option<&Resource> {
        let mut key = [0; 9];
        for code in &mut key {
            *code = u32::from_le_bytes(take(from)?);
        }
        let mut code = || Some(u32::from_le_bytes(take(from)?));
        let (group, resource_group, length) = (code()?, code()?, code()?);
        let (text, rest) = from.split_at_checked(length as usize)?;
        *from = rest;
        // The code of the resource is replaced by the place of its text in this batch.
        key[RESOURCE] = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(std::str::from_utf8(text).ok()?.to_owned());
        self.groups.push(resource_group);
        self.rows.push(Resource {
            key,
            group,
            usage_rows: u64::from_le_bytes(take(from)?),
            first: Day::from_le_bytes(take(from)?),
            last: Day::from_le_bytes(take(from)?),
            quantity: i128::from_le_bytes(take(from)?),
            expected_amount: i128::from_le_bytes(take(from)?),
            invoiced_amount: i128::from_le_bytes(take(from)?),
        });
        self.rows.last()
    }
}
