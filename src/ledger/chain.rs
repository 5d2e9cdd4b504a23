//! The chain of hashes over rows that are only ever added: a row that was changed, removed or put in
//! later no longer fits the one behind it.

/// Hash of the row before the first.
pub const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Hash of a row behind another: BLAKE3 over the hash of that and the row's fields, 64 hexadecimal
/// digits.
#[must_use]
pub fn link(previous: &str, fields: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous.as_bytes());
    for field in fields {
        // Behind its length: `ab` and `c` must not hash as `a` and `bc` do.
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
