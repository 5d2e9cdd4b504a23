//! The partner's customers and what they are subscribed to.

use super::chance::Chance;

/// How a customer stands to the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Has one or two Azure plans.
    Azure,
    /// Has an Azure plan, sold through an indirect reseller.
    Indirect,
    /// Has licences and nothing else.
    Licences,
    /// Has classic Azure (MS-AZR-0145P) and Office of the legacy commerce.
    Classic,
    /// Has an Azure plan that is not used, so that there is no usage data.
    Quiet,
    /// Is advised only: no calls for this customer are allowed.
    Advisor,
    /// Has left, but is listed all the same.
    Former,
}

/// Standings in the order of the list: 40 customers.
const STANDINGS: [(Standing, usize); 7] = [
    (Standing::Azure, 16),
    (Standing::Indirect, 4),
    (Standing::Licences, 8),
    (Standing::Classic, 4),
    (Standing::Quiet, 2),
    (Standing::Advisor, 3),
    (Standing::Former, 3),
];

/// MPN id of the indirect reseller; the partner's own is [`PARTNER_MPN`].
pub(super) const RESELLER_MPN: &str = "4649221";
/// MPN id of the partner.
pub(super) const PARTNER_MPN: &str = "5357564";
/// Name of the partner.
pub(super) const PARTNER_NAME: &str = "Ordinary Cloud GmbH";
/// Directory id of the partner, unless the settings have another one.
pub(super) const PARTNER_ID: &str = "5f0d9a52-7f6e-4f0b-9d53-0c1d3a2b4e61";

/// A customer of the partner.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// Directory id of the customer, lower case.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) country: &'static str,
    pub(super) standing: Standing,
    pub(super) plans: Vec<Plan>,
    /// Subscription ids of licences.
    pub(super) licences: Vec<String>,
    /// Commerce id of the classic Azure subscription.
    pub(super) classic: Option<String>,
}

/// An Azure plan of a customer.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Subscription id of the plan in Partner Center.
    pub(super) id: String,
    /// Ids and names of the plan's Azure subscriptions.
    pub(super) entitlements: Vec<(String, String)>,
}

impl Customer {
    /// True if per-customer calls are answered.
    pub(super) const fn is_served(&self) -> bool {
        !matches!(self.standing, Standing::Advisor | Standing::Former)
    }

    /// True if the customer has usage of an Azure plan.
    pub(super) const fn uses_azure(&self) -> bool {
        matches!(self.standing, Standing::Azure | Standing::Indirect)
    }

    /// MPN id of the reseller on the customer's lines.
    pub(super) const fn reseller(&self) -> &'static str {
        match self.standing {
            Standing::Indirect => RESELLER_MPN,
            _ => PARTNER_MPN,
        }
    }

    /// The word in `relationshipToPartner`.
    pub(super) const fn relationship(&self) -> &'static str {
        match self.standing {
            Standing::Advisor => "advisor",
            _ => "reseller",
        }
    }
}

/// All customers, in the order of the list, and `more` whose plans are not used.
pub(super) fn customers(chance: Chance, more: usize) -> Vec<Customer> {
    let standings = STANDINGS
        .iter()
        .flat_map(|(standing, count)| std::iter::repeat_n(*standing, *count));
    standings
        .chain(std::iter::repeat_n(Standing::Quiet, more))
        .enumerate()
        .map(|(at, standing)| customer(chance, at, standing))
        .collect()
}

fn customer(chance: Chance, at: usize, standing: Standing) -> Customer {
    const NAMES: [&str; 8] = [
        "Bakery",
        "Clinic",
        "Foundry",
        "Library",
        "Nursery",
        "Printworks",
        "Shipyard",
        "Vineyard",
    ];
    const FORMS: [&str; 5] = ["GmbH", "B.V.", "& Sons, Ltd.", "SARL", "Oy"];
    let key = at.to_string();
    // Some customers have the name of another one: names join nothing.
    let name = format!("{} {}", NAMES[at % 8], FORMS[at % 5]);
    let plans = match standing {
        Standing::Azure | Standing::Indirect => 1 + usize::from(at.is_multiple_of(4)),
        Standing::Quiet => 1,
        _ => 0,
    };
    let licences = match standing {
        Standing::Licences => 2,
        Standing::Azure => usize::from(at.is_multiple_of(2)),
        _ => 0,
    };
    Customer {
        id: chance.guid(&["customer", &key]),
        name,
        domain: format!("ordinary{at:02}.onmicrosoft.com"),
        country: ["DE", "NL", "GB", "FR", "FI"][at % 5],
        standing,
        plans: (0..plans)
            .map(|plan| self::plan(chance, at, plan))
            .collect(),
        licences: (0..licences)
            .map(|licence| chance.guid(&["licence", &key, &licence.to_string()]))
            .collect(),
        classic: (standing == Standing::Classic).then(|| chance.guid(&["classic", &key])),
    }
}

fn plan(chance: Chance, customer: usize, plan: usize) -> Plan {
    let words = |kind: &str, at: usize| {
        chance.guid(&[
            kind,
            &customer.to_string(),
            &plan.to_string(),
            &at.to_string(),
        ])
    };
    let entitlements = 1 + (customer + plan) % 3;
    Plan {
        id: words("plan", 0),
        entitlements: (0..entitlements)
            .map(|at| (words("entitlement", at), format!("Production {}", at + 1)))
            .collect(),
    }
}
