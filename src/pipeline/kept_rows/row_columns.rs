//! Columns of many batches together, as a file has them. Which worker read which batch makes no
//! difference: values are numbered in the order in which the rows have them.

use std::sync::{Arc, MutexGuard};

use ::parquet::errors::ParquetError;

use super::row_batch::{KnownBundle, KnownValues, RowBatch};
use super::row_layout::{PlaceOfColumn, RowLayout};
use crate::engine::count::interner::Texts;
use crate::model::period::Day;
use crate::reports::coded_column::{CodedColumn, Codes, NO_VALUE, push_day};
use crate::reports::row_file::{EncodedGroup, GroupEncoder};
use crate::reports::value_codes::ValueCodes;

/// Number that nothing has yet.
const UNKNOWN: u32 = u32::MAX;

/// Encodes the rows of batches as a row group.
///
/// # Errors
/// That of the codec.
pub(super) fn encode(
    layout: &RowLayout,
    batches: &[RowBatch],
    mut encoder: GroupEncoder,
) -> Result<EncodedGroup, ParquetError> {
    let group = RowGroup::of(layout, batches);
    for place in &layout.places {
        match *place {
            PlaceOfColumn::Bundled(bundle, column) => {
                group.add_column((bundle, column), &mut encoder)?;
            }
            PlaceOfColumn::Number(at) => {
                let numbers: Vec<&[i128]> =
                    batches.iter().map(|batch| &*batch.numbers[at]).collect();
                let numbers = numbers.concat();
                match ValueCodes::of_numbers(&numbers) {
                    Some(codes) => encoder.add(&codes.column())?,
                    None => encoder.add_numbers(&numbers)?,
                }
            }
            PlaceOfColumn::Day => {
                let days: Vec<&[Option<Day>]> = batches.iter().map(|batch| &*batch.days).collect();
                let days = days.concat().into_iter();
                let codes = ValueCodes::of(days, push_day, usize::MAX);
                encoder.add(&codes.expect("there is no limit").column())?;
            }
        }
    }
    Ok(encoder.end())
}

/// Rows of batches, bundle by bundle.
struct RowGroup<'b> {
    /// What the numbers of each worker stand for.
    workers: Vec<&'b Arc<KnownValues>>,
    bundles: Vec<BundleRows>,
}

/// Combinations that the rows have in a bundle.
struct BundleRows {
    /// Each of them once, as its worker and its number there, in the order in which rows have them.
    combinations: Vec<(usize, u32)>,
    /// Place of each row's in that list.
    places: Vec<u32>,
}

impl<'b> RowGroup<'b> {
    fn of(layout: &RowLayout, batches: &'b [RowBatch]) -> Self {
        let mut workers: Vec<&Arc<KnownValues>> = Vec::new();
        let of_batches: Vec<(usize, &RowBatch)> = batches
            .iter()
            .map(|batch| {
                let known = workers.iter().position(|of| Arc::ptr_eq(of, &batch.known));
                let worker = known.unwrap_or_else(|| {
                    workers.push(&batch.known);
                    workers.len() - 1
                });
                (worker, batch)
            })
            .collect();
        let bundles = 0..layout.bundles.len();
        Self {
            bundles: bundles
                .map(|bundle| BundleRows::of(bundle, &workers, &of_batches))
                .collect(),
            workers,
        }
    }

    /// Encodes a column of a bundle.
    fn add_column(
        &self,
        (bundle, column): (usize, usize),
        encoder: &mut GroupEncoder,
    ) -> Result<(), ParquetError> {
        let BundleRows {
            combinations,
            places,
        } = &self.bundles[bundle];
        let mut values = Texts::default();
        // Numbers here by the numbers that each worker has for its values.
        let mut here: Vec<Vec<u32>> = vec![Vec::new(); self.workers.len()];
        let mut locked = Locked::new(&self.workers);
        let mut has_gaps = false;
        let number_of = |(worker, combination): &(usize, u32)| {
            let known = &locked.of(*worker)[bundle];
            let there = known.value_of(*combination, column);
            let here = &mut here[*worker];
            if here.len() <= there as usize {
                here.resize(known.columns[column].count() as usize, UNKNOWN);
            }
            let number = &mut here[there as usize];
            if *number == UNKNOWN {
                *number = match known.columns[column].value(there) {
                    [] => NO_VALUE,
                    value => values.intern(value).0,
                };
            }
            has_gaps |= *number == NO_VALUE;
            *number
        };
        let numbers: Vec<u32> = combinations.iter().map(number_of).collect();
        let (values, ends) = values.parts();
        let codes: Vec<u32>;
        let codes = if ends.len() == 1 && !has_gaps {
            Codes::Zeros(places.len())
        } else {
            codes = places
                .iter()
                .map(|place| numbers[*place as usize])
                .collect();
            match has_gaps {
                true => Codes::Sparse(&codes),
                false => Codes::Dense(&codes),
            }
        };
        encoder.add(&CodedColumn {
            values,
            ends,
            codes,
        })
    }
}

impl BundleRows {
    fn of(bundle: usize, workers: &[&Arc<KnownValues>], batches: &[(usize, &RowBatch)]) -> Self {
        let lengths = workers.iter().map(|known| known.locked()[bundle].len());
        let mut here: Vec<Vec<u32>> = lengths.map(|length| vec![UNKNOWN; length]).collect();
        let mut combinations = Vec::new();
        let mut places = Vec::with_capacity(batches.iter().map(|(_, batch)| batch.rows()).sum());
        for (worker, batch) in batches {
            let here = &mut here[*worker];
            let of_batch = batch.combinations[bundle].iter().map(|combination| {
                let place = &mut here[*combination as usize];
                if *place == UNKNOWN {
                    *place = u32::try_from(combinations.len()).expect("fewer than rows");
                    combinations.push((*worker, *combination));
                }
                *place
            });
            places.extend(of_batch);
        }
        Self {
            combinations,
            places,
        }
    }
}

/// Values of one worker at a time: two that are encoding would otherwise wait for each other.
struct Locked<'k> {
    workers: &'k [&'k Arc<KnownValues>],
    open: Option<(usize, MutexGuard<'k, Vec<KnownBundle>>)>,
}

impl<'k> Locked<'k> {
    const fn new(workers: &'k [&'k Arc<KnownValues>]) -> Self {
        Self {
            workers,
            open: None,
        }
    }

    fn of(&mut self, worker: usize) -> &[KnownBundle] {
        if self.open.as_ref().is_none_or(|(of, _)| *of != worker) {
            // Let go of the other one first.
            self.open = None;
        }
        let (_, known) = self
            .open
            .get_or_insert_with(|| (worker, self.workers[worker].locked()));
        known
    }
}
