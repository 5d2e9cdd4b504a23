//! The rows of `resources`: in memory, or, where usage was compared part by part, on disk.

use std::io;
use std::sync::Arc;

use super::scratch::{self, Extent, Scratch};
use crate::engine::compare::usage_to_invoice::Resource;
use crate::engine::fold::folded::Folded;
use crate::engine::rules::domain::Domain;
use crate::model::period::{Day, Period};

/// Place of the resource in [`Resource::key`]; that of the entitlement.
const RESOURCE: usize = 7;
const ENTITLEMENT: usize = 3;

/// All rows, in published order.
#[derive(Debug)]
pub enum Resources {
    /// In memory.
    Held(Vec<Resource>),
    /// On disk.
    Spilled(SpilledResources),
}

/// Rows of which each has the texts of its own resource: codes of resources are of one part of usage.
#[derive(Debug)]
pub struct SpilledResources {
    scratch: Arc<Scratch>,
    runs: Vec<Run>,
    written: Sums,
}

/// What goes to disk comes back from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    rows: usize,
    usage_rows: u64,
    /// Quantities, expected and invoiced amounts; past 128 bits they wrap, the same way twice.
    numbers: [i128; 3],
}

impl Sums {
    fn add(&mut self, resource: &Resource) {
        self.rows += 1;
        self.usage_rows += resource.usage_rows;
        let numbers = [
            resource.quantity,
            resource.expected_amount,
            resource.invoiced_amount,
        ];
        self.numbers
            .iter_mut()
            .zip(numbers)
            .for_each(|(sum, number)| *sum = sum.wrapping_add(number));
    }
}

/// The rows of a subscription on an invoice, which are all of one part.
#[derive(Debug)]
struct Run {
    /// Period, invoice, customer, subscription: what rows are published by, before all else.
    order: (Option<Period>, [u32; 3]),
    extent: Extent,
    rows: usize,
}

/// Some rows, and the texts of their resources.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Their resource is a place in `texts`.
    pub(crate) rows: Vec<Resource>,
    /// ARM ids.
    pub(crate) texts: Vec<String>,
    /// Codes of the resource groups.
    pub(crate) groups: Vec<u32>,
}

impl SpilledResources {
    pub(crate) fn new(scratch: Arc<Scratch>) -> Self {
        Self {
            scratch,
            runs: Vec::new(),
            written: Sums::default(),
        }
    }

    /// Adds the rows of a part, which are in published order.
    pub(crate) fn add(&mut self, totals: &Folded, resources: &[Resource]) -> io::Result<()> {
        let order = |resource: &Resource| {
            let [invoice, customer, subscription, ..] = resource.key;
            (
                totals.periods.get(&invoice).copied(),
                [invoice, customer, subscription],
            )
        };
        resources
            .iter()
            .for_each(|resource| self.written.add(resource));
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for run in resources.chunk_by(|left, right| order(left) == order(right)) {
            run.iter()
                .for_each(|resource| write(totals, resource, &mut bytes));
            ends.extend(
                run.first()
                    .map(|first| (order(first), run.len(), bytes.len())),
            );
        }
        let whole = self.scratch.append(&bytes)?;
        let mut start = 0;
        for (order, rows, end) in ends {
            self.runs.push(Run {
                order,
                rows,
                extent: whole.part(start..end),
            });
            start = end;
        }
        Ok(())
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.written.rows
    }

    /// Hands over all rows in published order, `rows` at a time.
    pub(crate) fn each(
        &self,
        rows: usize,
        take: &mut dyn FnMut(&Placed) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut runs: Vec<&Run> = self.runs.iter().collect();
        runs.sort_by_key(|run| run.order);
        let (mut placed, mut found) = (Placed::default(), Sums::default());
        for run in runs {
            let bytes = self.scratch.read(run.extent)?;
            let mut from = bytes.as_slice();
            for _ in 0..run.rows {
                placed.read(&mut from).ok_or_else(scratch::other_bytes)?;
                placed
                    .rows
                    .last()
                    .into_iter()
                    .for_each(|resource| found.add(resource));
                if placed.rows.len() == rows {
                    take(&placed)?;
                    placed = Placed::default();
                }
            }
        }
        if found != self.written {
            return Err(scratch::other_bytes());
        }
        if placed.rows.is_empty() {
            Ok(())
        } else {
            take(&placed)
        }
    }
}

fn write(totals: &Folded, resource: &Resource, out: &mut Vec<u8>) {
    let key = resource.key;
    let text = totals.vocabulary.text(Domain::Resource, key[RESOURCE]);
    let group = totals
        .names
        .code(Domain::ResourceGroup, [key[ENTITLEMENT], key[RESOURCE], 0]);
    for code in key
        .into_iter()
        .chain([group, u32::try_from(text.len()).unwrap_or(u32::MAX)])
    {
        out.extend_from_slice(&code.to_le_bytes());
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(&resource.usage_rows.to_le_bytes());
    [resource.first, resource.last]
        .iter()
        .for_each(|day| out.extend_from_slice(&day.to_le_bytes()));
    let numbers = [
        resource.quantity,
        resource.expected_amount,
        resource.invoiced_amount,
    ];
    numbers
        .iter()
        .for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*taken)
}

impl Placed {
    fn read(&mut self, from: &mut &[u8]) -> Option<()> {
        let mut key = [0; 9];
        for code in &mut key {
            *code = u32::from_le_bytes(take(from)?);
        }
        let (group, length) = (
            u32::from_le_bytes(take(from)?),
            u32::from_le_bytes(take(from)?),
        );
        let (text, rest) = from.split_at_checked(length as usize)?;
        *from = rest;
        key[RESOURCE] = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(std::str::from_utf8(text).ok()?.to_owned());
        self.groups.push(group);
        self.rows.push(Resource {
            key,
            usage_rows: u64::from_le_bytes(take(from)?),
            first: Day::from_le_bytes(take(from)?),
            last: Day::from_le_bytes(take(from)?),
            quantity: i128::from_le_bytes(take(from)?),
            expected_amount: i128::from_le_bytes(take(from)?),
            invoiced_amount: i128::from_le_bytes(take(from)?),
        });
        Some(())
    }
}
