//! The few fields of an X.509 certificate that a check needs, by a strict walk over its DER
//! (RFC 5280, §4.1). Nothing is verified: Entra ID compares the certificate with the one that is
//! registered.

use chrono::{DateTime, NaiveDate, Utc};

// Tags of ASN.1, as DER writes them.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// Tag of the version, which certificates of version 1 lack.
const VERSION: u8 = 0xa0;

/// The fields of a certificate that are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFields {
    /// First moment at which the certificate is valid.
    pub(crate) begins: DateTime<Utc>,
    /// Last moment at which it is valid.
    pub(crate) ends: DateTime<Utc>,
    /// The public key; for RSA, in PKCS#1.
    pub(crate) public_key: Vec<u8>,
}

/// Reads the DER of a certificate. `None` for anything that is not one.
pub(crate) fn read(der: &[u8]) -> Option<CertificateFields> {
    let mut outer = Reader(der);
    let mut certificate = Reader(outer.take(SEQUENCE)?);
    // Bytes behind the certificate would be in its thumbprint, but not in the certificate.
    if !outer.0.is_empty() {
        return None;
    }
    let mut body = Reader(certificate.take(SEQUENCE)?);
    if body.0.first() == Some(&VERSION) {
        body.take(VERSION)?;
    }
    // Serial number, algorithm, issuer.
    body.take(INTEGER)?;
    body.take(SEQUENCE)?;
    body.take(SEQUENCE)?;
    let mut validity = Reader(body.take(SEQUENCE)?);
    let (begins, ends) = (validity.time()?, validity.time()?);
    // Subject.
    body.take(SEQUENCE)?;
    let mut key = Reader(body.take(SEQUENCE)?);
    key.take(SEQUENCE)?;
    // The first byte counts unused bits; a key is made of whole bytes.
    let public_key = key.take(BIT_STRING)?.strip_prefix(&[0])?.to_vec();
    Some(CertificateFields {
        begins,
        ends,
        public_key,
    })
}

/// The bytes that were not read yet.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    /// The content of the next element, which must have the tag `wanted`.
    fn take(&mut self, wanted: u8) -> Option<&'d [u8]> {
        let (tag, content) = self.element()?;
        (tag == wanted).then_some(content)
    }

    /// Tag and content of the next element.
    fn element(&mut self) -> Option<(u8, &'d [u8])> {
        let [tag, first, rest @ ..] = self.0 else {
            return None;
        };
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            // DER takes the fewest bytes; no certificate needs more than three for a length.
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                let length = digits
                    .iter()
                    .fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
                let is_shortest = digits[0] != 0 && length >= 0x80;
                (is_shortest.then_some(length)?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The next element as a moment: `261231235959Z`, or `20501231235959Z` from the year 2050 on.
    fn time(&mut self) -> Option<DateTime<Utc>> {
        let (tag, text) = self.element()?;
        let digits = text.strip_suffix(b"Z")?;
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u32, |number, digit| {
                let digit = char::from(*digit).to_digit(10)?;
                Some(number * 10 + digit)
            })
        };
        let (year, rest) = match (tag, digits.len()) {
            (UTC_TIME, 12) => {
                let year = number(&digits[..2])?;
                // Two digits stand for 1950 to 2049.
                let century = if year < 50 { 2000 } else { 1900 };
                (century + year, &digits[2..])
            }
            (GENERALIZED_TIME, 14) => (number(&digits[..4])?, &digits[4..]),
            _ => return None,
        };
        let part = |at: usize| number(&rest[at..at + 2]);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part(0)?, part(2)?)?;
        Some(date.and_hms_opt(part(4)?, part(6)?, part(8)?)?.and_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    fn sample(text: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(text.as_bytes()).expect("a certificate in PEM")
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        // Made by openssl: one that ended, and one whose end only the longer form can write.
        let ended = read(&sample(include_str!(
            "../../../tests/it/certificates/ended.pem"
        )));
        let ended = ended.expect("a certificate");
        assert_eq!(ended.begins.to_rfc3339(), "2019-01-02T03:04:05+00:00");
        assert_eq!(ended.ends.to_rfc3339(), "2020-02-29T23:59:59+00:00");
        let lasting = read(&sample(include_str!(
            "../../../tests/it/certificates/lasting.pem"
        )));
        let lasting = lasting.expect("a certificate");
        assert_eq!(lasting.ends.to_rfc3339(), "2096-10-11T12:13:14+00:00");
        assert_eq!(lasting.public_key, ended.public_key);
    }

    #[test]
    fn whatever_is_cut_or_lengthened_is_none() {
        let der = sample(include_str!("../../../tests/it/certificates/ended.pem"));
        for length in 0..der.len() {
            assert_eq!(read(&der[..length]), None, "{length}");
        }
        let longer = [der.as_ref(), &[0]].concat();
        assert_eq!(read(&longer), None);
        assert_eq!(read(b"not a certificate, but its bytes"), None);
    }

    #[test]
    fn no_byte_that_is_changed_makes_it_panic() {
        let der = sample(include_str!("../../../tests/it/certificates/ended.pem"));
        for at in 0..der.len() {
            for byte in [0, 0x7f, 0x80, 0x81, 0x84, 0xff] {
                let mut changed = der.to_vec();
                changed[at] = byte;
                read(&changed);
            }
        }
    }

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        let element = |bytes: &[u8]| {
            Reader(bytes)
                .element()
                .map(|(tag, found)| (tag, found.len()))
        };
        assert_eq!(element(&[0x30, 2, 0, 0]), Some((0x30, 2)));
        assert_eq!(element(&[0x30, 0x81, 2, 0, 0]), None);
        assert_eq!(element(&[0x30, 0x80, 0, 0]), None);
        let long = [&[0x30, 0x81, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(element(&long), Some((0x30, 0x80)));
        let longer = [&[0x30, 0x82, 0, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(element(&longer), None);
    }
}
