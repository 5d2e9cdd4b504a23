//! Choice of the API's generation ([endpoints §0](crate::model::domain::endpoints)): by invoice,
//! billing period and cloud, with the reason for the log. Pure: the pipeline file may overrule it,
//! see `units`.

use crate::model::period::Period;

/// Generation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    /// Partner Center, in pages.
    V1,
    /// Microsoft Graph, as exports.
    V2,
}

/// Kind of billed or unbilled data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Billed {
    /// Daily rated usage, priced by Microsoft.
    Usage,
    /// Reconciliation lines of an invoice.
    Lines,
    /// Usage of an invoice by meter, with its promotions: v2 alone.
    Aggregated,
}

/// First billing period of reconciliation lines in v2.
const LINES_FROM: &str = "2024-02";
/// First billing period of daily rated usage in v2.
const USAGE_FROM: &str = "2022-09";

/// True if an invoice is of the legacy commerce: Office by licence, and Azure offer MS-AZR-0145P.
#[must_use]
pub fn is_legacy(invoice: &str) -> bool {
    // New commerce invoices begin with `G`.
    invoice.trim().to_ascii_uppercase().starts_with('D')
}

/// The generation for billed data of a new commerce invoice, and the reason in words.
#[must_use]
pub(crate) fn billed(what: Billed, period: Period, has_graph: bool) -> (ApiVersion, String) {
    let (name, from) = match what {
        Billed::Usage => ("daily rated usage", USAGE_FROM),
        Billed::Lines => ("reconciliation lines", LINES_FROM),
        Billed::Aggregated => {
            let why = format!("v2 for the aggregated usage of {period}: there is no v1");
            return (ApiVersion::V2, why);
        }
    };
    if !has_graph {
        let why = format!("v1 for the {name} of {period}: this cloud has no v2");
        return (ApiVersion::V1, why);
    }
    let first = Period::parse(from).expect("a constant");
    if period < first {
        let why = format!("v1 for the {name} of {period}: v2 starts with {first}");
        return (ApiVersion::V1, why);
    }
    let why = format!("v2 for the {name} of {period}: v1 serves no period after 2025-03");
    (ApiVersion::V2, why)
}

/// The generation for unbilled data, and the reason in words.
#[must_use]
pub(crate) fn unbilled(what: Billed, has_graph: bool) -> (ApiVersion, String) {
    let name = match what {
        Billed::Usage => "unbilled daily rated usage",
        Billed::Lines => "unbilled reconciliation lines",
        Billed::Aggregated => "unbilled aggregated usage",
    };
    if has_graph {
        (ApiVersion::V2, format!("v2 for {name}: v1 is retired"))
    } else {
        let why = format!("v1 for {name}: this cloud has no v2");
        (ApiVersion::V1, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_what_to_use_when() {
        let month = |text: &str| Period::parse(text).expect("a month");
        let version = |what, text, graph| billed(what, month(text), graph).0;
        assert_eq!(version(Billed::Lines, "2024-01", true), ApiVersion::V1);
        assert_eq!(version(Billed::Lines, "2024-02", true), ApiVersion::V2);
        assert_eq!(version(Billed::Usage, "2022-08", true), ApiVersion::V1);
        assert_eq!(version(Billed::Usage, "2022-09", true), ApiVersion::V2);
        assert_eq!(version(Billed::Usage, "2026-10", false), ApiVersion::V1);
        assert_eq!(
            (
                unbilled(Billed::Usage, true).0,
                unbilled(Billed::Lines, false).0
            ),
            (ApiVersion::V2, ApiVersion::V1)
        );
        assert!(is_legacy("D02005YFHI") && is_legacy(" d0") && !is_legacy("G000024135"));
    }
}
