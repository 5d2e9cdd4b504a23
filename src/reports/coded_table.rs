//! Tables of the analyst folder, whose columns repeat: each part is a row group, and its columns are
//! coded on all cores.

use std::io::Write;

use ::parquet::errors::ParquetError;
use ::parquet::schema::types::ColumnDescPtr;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rayon::prelude::*;

use super::coded_column::{ColumnChunk, ColumnEncoder, Held, push_day, push_integer, push_text};
use super::row_file::{EncodedGroup, RowFile};
use super::table::{Cells, TablePart};
use super::value_codes::ValueCodes;
use crate::model::ids::{Fold, fold};

/// Adds the rows of a part to a file of its table, as its row group of this number.
///
/// # Errors
/// The error of the target.
pub(super) fn append<W: Write + Send>(
    file: &mut RowFile<W>,
    number: usize,
    part: &TablePart<'_>,
) -> Result<(), ParquetError> {
    if part.rows == 0 {
        return Ok(());
    }
    let schema = file.schema();
    let columns = part.columns.par_iter().zip(part.table.columns).enumerate();
    let chunks = columns.map(|(at, (cells, column))| {
        encode(cells, Held::of(column.column_type), schema.column(at))
    });
    let group = EncodedGroup(chunks.collect::<Result<_, ParquetError>>()?);
    file.append(number, group)
}

fn encode(
    cells: &Cells<'_>,
    held: Held,
    descriptor: ColumnDescPtr,
) -> Result<ColumnChunk, ParquetError> {
    let mut encoder = ColumnEncoder::new()?;
    let codes = match cells {
        Cells::Codes(codes, texts) => Some(by_code(codes, texts)),
        Cells::Folded(codes, texts, kind) => Some(folded(codes, texts, *kind)),
        Cells::Texts(texts) => {
            let texts = texts.iter().map(|text| Some(text.as_str()));
            ValueCodes::of(texts, push_text, usize::MAX)
        }
        Cells::Integers(numbers) => {
            let numbers = numbers.iter().map(|number| Some(*number));
            ValueCodes::of(numbers, push_integer, usize::MAX)
        }
        Cells::Decimals(numbers) => match ValueCodes::of_numbers(numbers) {
            None => return encoder.plain_numbers(numbers, descriptor),
            codes => codes,
        },
        Cells::Days(days) => ValueCodes::of(days.iter().copied(), push_day, usize::MAX),
        Cells::Booleans(_) => unreachable!("truth values are not coded"),
    };
    let codes = codes.expect("there is no limit");
    encoder.coded(&codes.column(), held, descriptor)
}

fn by_code(codes: &[u32], texts: &[String]) -> ValueCodes {
    ValueCodes::of_codes(codes, texts.len(), |into, code, next| {
        push_text(into, &texts[code as usize]);
        next
    })
}

/// Texts by code, folded: two codes may have one folded text.
fn folded(codes: &[u32], texts: &[String], kind: Fold) -> ValueCodes {
    let mut by_text: HashMap<String, u32> = HashMap::new();
    ValueCodes::of_codes(codes, texts.len(), |into, code, next| {
        match by_text.entry(fold(kind, &texts[code as usize])) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                push_text(into, new.key());
                *new.insert(next)
            }
        }
    })
}
