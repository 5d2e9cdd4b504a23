//! Numbers in the hybrid of runs and packed bits in which Parquet has levels and the numbers of a
//! dictionary.
//!
//! Layout: Apache Parquet's `Encodings.md`, RLE/bit-packing hybrid.

/// Numbers that are told bit by bit are told by eights.
const EIGHT: usize = 8;

/// Adds numbers of `width` bits, by eights: those that are all equal as runs, others bit by bit.
pub(super) fn push_hybrid(into: &mut Vec<u8>, codes: &[u32], width: u32) {
    // What they take bit by bit, with the numbers of runs and the last eight in part.
    into.reserve(codes.len().div_ceil(EIGHT) * (width as usize + 1));
    let (eights, rest) = codes.as_chunks::<EIGHT>();
    // The last eight is filled up; nobody asks for more numbers than there are rows.
    let last = rest.last().map(|code| {
        let mut eight = [*code; EIGHT];
        eight[..rest.len()].copy_from_slice(rest);
        eight
    });
    let eight_at = |at: usize| match eights.get(at) {
        None if at == eights.len() => last.as_ref(),
        eight => eight,
    };
    let of_one = |at: usize| eight_at(at).map(|eight| eight.iter().all(|code| *code == eight[0]));
    let mut at = 0;
    while let Some(eight) = eight_at(at) {
        let first = at;
        if of_one(at) == Some(true) {
            at += 1;
            while eight_at(at) == Some(&[eight[0]; EIGHT]) {
                at += 1;
            }
            let rows = (at * EIGHT).min(codes.len()) - first * EIGHT;
            push_repeated(into, eight[0], rows, width);
        } else {
            while of_one(at) == Some(false) {
                at += 1;
            }
            push_varint(into, (at - first) << 1 | 1);
            for eight in (first..at).filter_map(eight_at) {
                push_packed(into, eight, width);
            }
        }
    }
}

/// Adds so many times one number.
pub(super) fn push_repeated(into: &mut Vec<u8>, code: u32, rows: usize, width: u32) {
    push_varint(into, rows << 1);
    let bytes = width.div_ceil(u8::BITS) as usize;
    into.extend_from_slice(&code.to_le_bytes()[..bytes]);
}

/// Adds eight numbers bit by bit.
fn push_packed(into: &mut Vec<u8>, eight: &[u32; EIGHT], width: u32) {
    // Two numbers have at most 64 bits, and four of half that width as well.
    let two = |at: usize| u64::from(eight[at]) | u64::from(eight[at + 1]) << width;
    if width <= u16::BITS {
        let four = |at: usize| two(at) | two(at + 2) << (2 * width);
        let bits = u128::from(four(0)) | u128::from(four(4)) << (4 * width);
        // All of them, as a copy of a fixed length is no call.
        let end = into.len() + width as usize;
        into.extend_from_slice(&bits.to_le_bytes());
        into.truncate(end);
        return;
    }
    let (mut bits, mut held) = (0_u128, 0);
    for at in (0..EIGHT).step_by(2) {
        bits |= u128::from(two(at)) << held;
        held += 2 * width;
        while held >= u8::BITS {
            into.push(bits.to_le_bytes()[0]);
            bits >>= u8::BITS;
            held -= u8::BITS;
        }
    }
}

fn push_varint(into: &mut Vec<u8>, mut number: usize) {
    while let [low, ..] = number.to_le_bytes()
        && number >= 0x80
    {
        into.push(low | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}
