//! Sheets of exchange rates and prices: CSV, or an archive of it, which is stored as received
//! ([resources §G](crate::model::domain::resources)).

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::model::page::without_boms;

const ZIP: &[u8] = b"PK\x03\x04";
/// Mark of the end of a zip archive.
const ZIP_END: &[u8] = b"PK\x05\x06";
const GZIP: &[u8] = &[0x1f, 0x8b];
/// Longest end of a zip archive: its record of 22 bytes, and a comment of 64 KiB.
const ZIP_TAIL: usize = 22 + 0xffff;

/// Ending of the file that holds a sheet.
pub(super) fn ending(body: &[u8]) -> &'static str {
    if body.starts_with(ZIP) {
        "zip"
    } else if body.starts_with(GZIP) {
        "csv.gz"
    } else {
        "csv"
    }
}

/// Accepts a complete sheet: CSV whose header has `columns`, the same in gzip, or a zip archive. A
/// portal's page, an error in JSON or half an archive is none.
pub(super) fn check(body: &[u8], columns: &[&str]) -> Result<(), String> {
    if body.starts_with(ZIP) {
        let tail = &body[body.len().saturating_sub(ZIP_TAIL)..];
        return match memchr::memmem::rfind(tail, ZIP_END) {
            Some(_) => Ok(()),
            None => Err("an incomplete zip archive".to_owned()),
        };
    }
    if !body.starts_with(GZIP) {
        return check_header(body, columns);
    }
    let mut text = Vec::new();
    // To its end, where the checksum is.
    MultiGzDecoder::new(body)
        .read_to_end(&mut text)
        .map_err(|error| format!("an incomplete gzip file ({error})"))?;
    check_header(&text, columns)
}

/// Number of rows below the header of a sheet in CSV; 0 of an archive, which nobody reads here.
pub(super) fn rows(body: &[u8]) -> u64 {
    if ending(body) != "csv" {
        return 0;
    }
    let lines = body.split(|byte| *byte == b'\n');
    let rows = lines.filter(|line| !line.trim_ascii().is_empty());
    (rows.count() as u64).saturating_sub(1)
}

fn check_header(text: &[u8], columns: &[&str]) -> Result<(), String> {
    let text = without_boms(text);
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let header = String::from_utf8_lossy(&text[..end]);
    let names: Vec<String> = header
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_ascii_lowercase())
        .collect();
    let is_header = names.len() > 1 && !header.trim_start().starts_with(['<', '{', '[']);
    if !is_header {
        return Err("no header of a CSV file".to_owned());
    }
    match columns
        .iter()
        .find(|name| !names.iter().any(|has| has == *name))
    {
        Some(name) => Err(format!("a CSV file without the column `{name}`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const RATES: &[u8] = b"\xef\xbb\xbf\"CurrencyCode\",\"USDPerUnit\",\"Month\"\r\n\"AED\",\"0.27224589249009701\",\"202610\"\r\n";

    #[test]
    fn a_sheet_is_csv_or_an_archive_of_it() {
        let columns = &["currencycode", "usdperunit", "month"];
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(RATES).expect("memory");
        let gzip = encoder.finish().expect("memory");
        let zip = b"PK\x03\x04rates.csvPK\x05\x06\0\0\0\0\x01\0\x01\0";
        for (body, wanted) in [(RATES, "csv"), (&gzip, "csv.gz"), (zip, "zip")] {
            assert_eq!(check(body, columns), Ok(()), "{wanted}");
            assert_eq!(
                (ending(body), rows(body)),
                (wanted, u64::from(wanted == "csv"))
            );
        }
        for bad in [
            b"<!DOCTYPE html><html lang=\"de\", x>".as_slice(),
            b"{\"error\":{\"code\":\"1\",\"message\":\"2\"}}",
            b"\"CurrencyCode\",\"Rate\",\"Month\"\r\n",
            &gzip[..gzip.len() - 4],
            &zip[..8],
            b"",
        ] {
            assert!(
                check(bad, columns).is_err(),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
        assert_eq!(check(b"ProductId,SkuId\n", &[]), Ok(()));
    }
}
