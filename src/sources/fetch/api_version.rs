//! Which generation of the API holds what (`endpoints.md` §0): by invoice, period and cloud, with
//! the reason, for the log.

use crate::model::period::Period;

/// A generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Partner Center, in pages.
    V1,
    /// Graph, as exports.
    V2,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billed {
    /// Daily rated usage.
    Usage,
    /// Reconciliation lines.
    Lines,
}

/// First billing period of which v2 has reconciliation lines.
const LINES_FROM: &str = "2024-02";
/// First billing period of which v2 has daily rated usage.
const USAGE_FROM: &str = "2022-09";

/// Whether an invoice is of the legacy commerce: Office by licence, and Azure MS-AZR-0145P.
#[must_use]
pub fn is_legacy(invoice: &str) -> bool {
    invoice.trim().to_ascii_uppercase().starts_with('D')
}

/// The generation for billed data of an invoice of the new commerce, and why.
#[must_use]
pub fn billed(what: Billed, period: Period, has_graph: bool) -> (Version, String) {
    let (name, from) = match what {
        Billed::Usage => ("daily rated usage", USAGE_FROM),
        Billed::Lines => ("reconciliation lines", LINES_FROM),
    };
    let first = Period::parse(from);
    if !has_graph {
        return (
            Version::V1,
            format!("v1 for the {name} of {period}: this cloud has no v2"),
        );
    }
    match first {
        Some(first) if period < first => (
            Version::V1,
            format!("v1 for the {name} of {period}: v2 begins with {first}"),
        ),
        _ => (
            Version::V2,
            format!("v2 for the {name} of {period}: v1 serves no period after 2025-03"),
        ),
    }
}

/// The generation for unbilled data, and why.
#[must_use]
pub fn unbilled(what: Billed, has_graph: bool) -> (Version, String) {
    let name = match what {
        Billed::Usage => "unbilled daily rated usage",
        Billed::Lines => "unbilled reconciliation lines",
    };
    match has_graph {
        true => (Version::V2, format!("v2 for {name}: v1 is retired")),
        false => (Version::V1, format!("v1 for {name}: this cloud has no v2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_what_to_use_when() {
        let month = |text: &str| Period::parse(text).expect("a month");
        let version = |what, text, graph| billed(what, month(text), graph).0;
        assert_eq!(version(Billed::Lines, "2024-01", true), Version::V1);
        assert_eq!(version(Billed::Lines, "2024-02", true), Version::V2);
        assert_eq!(version(Billed::Usage, "2022-08", true), Version::V1);
        assert_eq!(version(Billed::Usage, "2022-09", true), Version::V2);
        assert_eq!(version(Billed::Usage, "2026-10", false), Version::V1);
        assert_eq!(
            (
                unbilled(Billed::Usage, true).0,
                unbilled(Billed::Lines, false).0
            ),
            (Version::V2, Version::V1)
        );
        assert!(is_legacy("D02005YFHI") && is_legacy(" d0") && !is_legacy("G000024135"));
    }
}
