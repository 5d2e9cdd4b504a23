//! What a real tenant does that no sample shows, each under a name by which it is switched on and
//! off. The everyday ones are on unless they are switched off: every real tenant has them.
#![doc = ""]
#![doc = include_str!("quirks.md")]

use std::collections::BTreeSet;

/// Names, whether every real tenant does it, and what happens.
pub const QUIRKS: [(&str, bool, &str); 44] = [
    (
        "planted-variance",
        true,
        "one line of the EUR invoice is short of a day of usage",
    ),
    (
        "late-usage",
        true,
        "before the 10th, usage of one plan lacks its last days; the 10th restates",
    ),
    (
        "double-customer",
        true,
        "a customer comes twice, as the list moves while it is paged",
    ),
    (
        "null-amendments",
        true,
        "`amendments` is null on some invoices",
    ),
    (
        "throttle",
        true,
        "429 with Retry-After 57 on calls for customers beyond the rate",
    ),
    (
        "broken-500",
        true,
        "the usage budget of one customer answers 500 for ever",
    ),
    (
        "broken-403",
        true,
        "usage by subscription of one customer answers 403 for ever",
    ),
    (
        "utilization-not-ready",
        true,
        "the first request for utilization answers 204 with Retry-After",
    ),
    (
        "legacy-invoice",
        true,
        "the period has a legacy invoice as well",
    ),
    (
        "advisors",
        true,
        "three customers are `advisor`s, for whom each call answers 403",
    ),
    (
        "former-customers",
        true,
        "three customers have left: listed, and 403 with code 20002",
    ),
    (
        "quiet-customers",
        true,
        "two customers use nothing: 400 with code 3000, `Customer does not have usage data.`",
    ),
    (
        "licence-invoice",
        true,
        "the period has an invoice of licences and a reservation, without any usage",
    ),
    (
        "invalid-property",
        false,
        "the usage summary of one customer answers 400 with code 3000, `Invalid property`",
    ),
    (
        "broken-401",
        false,
        "the usage summary of one customer answers 401 for ever",
    ),
    (
        "broken-429",
        false,
        "the usage summary of one customer answers 429 for ever",
    ),
    (
        "never-answers",
        false,
        "the usage summary of one customer is never answered",
    ),
    (
        "endless-list",
        false,
        "each page of invoices has a next link, and modern invoices come again",
    ),
    (
        "paged-list",
        false,
        "`size` and `offset` of the list of invoices count for modern ones, too",
    ),
    (
        "null-items",
        false,
        "subscriptions of one customer are `{\"totalCount\": 0, \"items\": null}`",
    ),
    (
        "blank-list",
        false,
        "subscriptions of one customer are a 200 with a blank body",
    ),
    (
        "null-currency",
        false,
        "the currency of one old invoice is null",
    ),
    (
        "nameless-customer",
        false,
        "one customer of the list has no id",
    ),
    ("number-code", false, "code 20002 is a number, as reported"),
    (
        "link-only",
        false,
        "the continuation is in the next link alone: no token, no header",
    ),
    (
        "malformed-links",
        false,
        "next links have a second `?`, as in the published samples",
    ),
    (
        "no-period-dates",
        false,
        "the list of invoices has no billing periods, as the 2021 sample",
    ),
    (
        "empty-export-succeeds",
        false,
        "an export without data succeeds, without blobs",
    ),
    (
        "inline-manifest",
        false,
        "`resourceLocation` is the manifest itself",
    ),
    (
        "string-manifest",
        false,
        "`resourceLocation` is the manifest's address",
    ),
    (
        "completed-status",
        false,
        "an export ends as `completed`, as documented, not `succeeded`",
    ),
    (
        "stale-operations",
        false,
        "an operation is gone (404) an hour after it ended",
    ),
    (
        "gone-operations",
        false,
        "an operation is gone (410) as soon as it is asked a second time",
    ),
    (
        "bom",
        false,
        "bodies of Partner Center begin with a byte order mark",
    ),
    ("dead-refresh-token", false, "the refresh token has expired"),
    (
        "captive-portal",
        false,
        "HTML with status 200 instead of a token",
    ),
    (
        "invoices-403",
        false,
        "the list of invoices answers 403 with an empty message",
    ),
    (
        "no-unbilled-pause",
        false,
        "unbilled usage of the last month stays after it was billed",
    ),
    (
        "aggregated-v1",
        false,
        "billed aggregated usage under v1.0 as well as under beta",
    ),
    (
        "aggregated-missing",
        false,
        "billed aggregated usage is unknown under beta, too",
    ),
    (
        "invoice-by-id",
        false,
        "invoices by id are served for new modern invoices as well",
    ),
    (
        "strict-version",
        false,
        "MS-Contract-Version is required, as the page of headers says",
    ),
    (
        "credit-note",
        false,
        "the EUR invoice has an adjustment note that is in no line",
    ),
    ("no-fx", false, "exchange rates and price sheets answer 403"),
];

/// The quirks of a tenant.
#[derive(Clone, Debug)]
pub struct Quirks(BTreeSet<&'static str>);

impl Default for Quirks {
    fn default() -> Self {
        let everyday = QUIRKS.iter().filter(|(_, everyday, _)| *everyday);
        Self(everyday.map(|(name, _, _)| *name).collect())
    }
}

impl Quirks {
    /// The everyday quirks, changed by names: `NAME` adds one, `no-NAME` takes one away, `none`
    /// takes away all that are there so far.
    ///
    /// # Errors
    /// The first name that is not known.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut quirks = Self::default();
        for name in names {
            let known = |wanted: &str| QUIRKS.iter().find(|(name, _, _)| *name == wanted);
            match (known(name), name.strip_prefix("no-").and_then(known)) {
                (Some((name, _, _)), _) => {
                    quirks.0.insert(name);
                }
                (None, Some((name, _, _))) => {
                    quirks.0.remove(name);
                }
                (None, None) if name == "none" => quirks.0.clear(),
                (None, None) => return Err(name),
            }
        }
        Ok(quirks)
    }

    /// True if the tenant does this.
    pub(super) fn has(&self, name: &str) -> bool {
        debug_assert!(QUIRKS.iter().any(|(known, _, _)| *known == name), "{name}");
        self.0.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_quirk() {
        let page = include_str!("quirks.md");
        for (name, everyday, what) in QUIRKS {
            let row = format!(
                "| `{name}` | {} | {what} |",
                if everyday { "yes" } else { "" }
            );
            assert!(page.contains(&row), "{row}");
        }
    }
}
