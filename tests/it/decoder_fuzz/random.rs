//! Random choices from a seed, and the texts that files are made of.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Random numbers by splitmix64: the same for the same seed, on every machine.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit
    }

    /// True once in `turns`, on average.
    pub(super) fn chance(&mut self, turns: usize) -> bool {
        self.below(turns) == 0
    }

    pub(super) fn one_of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.below(all.len())]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Texts that a decoder may stumble over.
const TEXTS: [&str; 34] = [
    "",
    "",
    "",
    "NULL",
    "null",
    " ",
    "\t",
    "a",
    "EUR",
    "1.50",
    "-0",
    "7.58469E-05",
    "0.00E+00",
    "'12",
    "10/31/2026",
    "2026-10-31T00:00:00Z",
    "a,b",
    ",",
    "say \"hi\"",
    "\"",
    "\"\"",
    "line\nbreak",
    "cr\r\nlf",
    "cr\ralone",
    "é",
    "日本語",
    "\u{feff}",
    "\u{1f600}",
    "a\\b",
    "{\"a\":\"b\"}",
    "back/slash",
    " blanks around ",
    "/subscriptions/0000-1111/resourceGroups/rg",
    "\u{7f}\u{1}",
];

/// A text, which now and then is long enough to lie across blocks of 64 bytes.
pub(super) fn text(random: &mut Random) -> String {
    let text = random.one_of(&TEXTS);
    match random.below(12) {
        0 => format!("{}{text}", "x".repeat(random.below(140))),
        1 => format!("{text}{}", "y".repeat(random.below(140))),
        2 => format!("{}", random.below(3)),
        _ => text.to_owned(),
    }
}

/// Number of rows: few, or so many that a file is cut into several slices.
pub(super) fn row_count(random: &mut Random) -> usize {
    if random.chance(25) {
        1_500 + random.below(1_500)
    } else {
        random.below(40)
    }
}

/// The bytes as they are, or gzipped in one member or in several that end anywhere.
pub(super) fn packed(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let pieces = match random.below(6) {
        0 => 1,
        1 => 2 + random.below(4),
        _ => return bytes.to_vec(),
    };
    let piece = bytes.len() / pieces + 1;
    let gzip = |part: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    bytes.chunks(piece).flat_map(gzip).collect()
}
