//! Daily rated usage: resources, their rows, and the 55 cells of a row.
//!
//! Rows of one resource share most of their texts ([`Series`]), so that a row is a few numbers
//! until it is written; only then are its spellings chosen, by random bits that came with it.

use std::rc::Rc;

use super::catalogue::{EFFECTIVE_SCALE, Meter, PRICE_SCALE};
use super::number::{number, write_number};
use super::partner::{Entitlement, Partner, Plan, RATE_SCALE};
use super::random::Random;
use crate::model::decimal::{self, Rounding};
use crate::model::period::Day;

/// Decimals of a row's quantity.
pub(super) const QUANTITY_SCALE: u32 = 6;
/// Decimals of PricingPreTaxTotal and BillingPreTaxTotal.
pub(super) const TOTAL_SCALE: u32 = 15;
/// Number of columns of a row.
pub(super) const WIDTH: usize = crate::model::dataset::USAGE.len();
/// Number of columns up to ResourceURI.
const THING_WIDTH: usize = 32;

/// Number of a plan's resources that all meters of a kind have in common.
const SHARED_RESOURCES: u64 = 6;
const WORDS: [&str; 8] = [
    "web", "erp", "data", "backup", "shop", "build", "portal", "iot",
];
const STAGES: [&str; 4] = ["prod", "test", "dev", "Prod"];

/// Price that a row is rated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rated {
    /// 15 % below list: with the partner earned credit.
    Earned,
    /// List price, without the credit.
    Retail,
    /// Free by a grant; true on a day with the credit.
    Granted(bool),
    /// Free as a savings plan covers it; true on a day with the credit.
    Covered(bool),
}

/// Resource under one meter: the texts that its rows share.
pub(super) struct Series {
    plan: Rc<Plan>,
    meter: Rc<Meter>,
    entitlement: Rc<Entitlement>,
    resource_group: String,
    /// Spellings of the resource's ARM id, the canonical one last.
    uris: [String; 4],
    tags: String,
    /// Beginning of AdditionalInfo, which the number of the row completes.
    info: String,
    rate: String,
}

impl Series {
    /// Resource number `at` of a plan, under a meter. Meters of one kind share a plan's resources.
    pub(super) fn new(partner: &Partner, plan: &Rc<Plan>, meter: &Rc<Meter>, at: u64) -> Self {
        let kind = kind_number(meter);
        // The first resources are metered by all meters of their kind, the others by one.
        let owner = if at < SHARED_RESOURCES {
            0
        } else {
            1 + meter.rank
        };
        let mut random = Random::of(partner.seed, &[6, plan.index as u64, kind, at, owner]);
        let entitlement = Rc::clone(&plan.entitlements[random.index(plan.entitlements.len())]);
        let (word, stage) = (random.pick(&WORDS), random.pick(&STAGES));
        // Azure's own name for what is in no resource group.
        let resource_group = if at % 37 == 5 {
            "$system".to_owned()
        } else {
            format!("rg-{word}-{stage}-{:02}", at % 50)
        };
        let name = format!(
            "{}-{word}-{stage}-{:04x}-{at:05}",
            meter.service.name_prefix,
            random.below(65_536)
        );
        let tail = format!(
            "providers/{}/{}/{name}",
            meter.service.provider, meter.service.resource_type
        );
        let uri = |id: &str, middle: &str, group: &str| {
            format!("/subscriptions/{id}/{middle}/{group}/{tail}")
        };
        let canonical = uri(&entitlement.id, "resourceGroups", &resource_group);
        Self {
            uris: [
                // Casings of real files: model::domain::quirks, daily rated usage 6.
                uri(&entitlement.upper_id, "resourceGroups", &resource_group),
                uri(
                    &entitlement.id,
                    "RESOURCEGROUPS",
                    &resource_group.to_uppercase(),
                ),
                canonical.to_lowercase(),
                canonical,
            ],
            tags: tags(&mut random, word, stage),
            info: format!("{{{},\"Record\":\"", meter.service.additional_info),
            rate: number(plan.customer.invoice.rate, RATE_SCALE),
            plan: Rc::clone(plan),
            meter: Rc::clone(meter),
            entitlement,
            resource_group,
        }
    }

    /// Meter under which the resource is rated.
    pub(super) fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// ARM id of the resource, in its canonical spelling.
    pub(super) fn uri(&self) -> &str {
        &self.uris[3]
    }

    /// Azure subscription and resource group that the resource lies in.
    pub(super) fn place(&self) -> (&Rc<Entitlement>, &str) {
        (&self.entitlement, &self.resource_group)
    }

    /// Numbers of a row of this resource; `share` is its quantity in thousandths of a usual day's.
    pub(super) fn rate(&self, rated: Rated, share: u64) -> Amounts {
        // Units of 10^-12, as list prices have ten decimals and the factor 0.85 two more.
        let price = match rated {
            Rated::Earned => self.meter.unit_price * 85,
            Rated::Retail => self.meter.unit_price * 100,
            Rated::Granted(_) | Rated::Covered(_) => 0,
        };
        // Millionths of USD over a price of ten decimals: ten more make a quantity of six.
        let usual =
            i128::from(self.meter.cost_micro) * 10_i128.pow(PRICE_SCALE) / self.meter.unit_price;
        let quantity = (usual * i128::from(share) / 1_000).max(1);
        let unit = 10_i128.pow(QUANTITY_SCALE);
        // Rounded up, so that a row of a meter of whole units is never free.
        let quantity = if self.meter.whole_units {
            (quantity + unit - 1) / unit * unit
        } else {
            quantity
        };
        // Neither amount is floored to cents: model::domain::quirks, daily rated usage 4.
        let pricing = half_even(
            price * quantity,
            10_i128.pow(EFFECTIVE_SCALE + QUANTITY_SCALE - TOTAL_SCALE),
        );
        let rate = self.plan.customer.invoice.rate;
        let unit_rate = 10_i128.pow(RATE_SCALE);
        let billing = if rate == unit_rate {
            pricing
        } else {
            half_even(pricing * rate, unit_rate)
        };
        Amounts {
            quantity,
            pricing,
            billing,
        }
    }
}

/// Number of the kind of resource that a meter meters.
fn kind_number(meter: &Meter) -> u64 {
    // From the kind's name, as services of one kind share resources wherever they stand in the
    // list.
    let kind = meter.service.resource_type.bytes();
    kind.fold(0_u64, |sum, byte| sum * 31 % 65_521 + u64::from(byte))
}

fn half_even(value: i128, divisor: i128) -> i128 {
    decimal::divide(value, divisor, Rounding::HalfEven)
}

/// Tags as JSON text, none on every fifth resource.
fn tags(random: &mut Random, word: &str, stage: &str) -> String {
    match random.below(10) {
        0 | 1 => String::new(),
        2..=5 => format!(
            "{{\"env\":\"{stage}\",\"application\":\"{word}\",\"costCenter\":\"{}\"}}",
            random.digits(4)
        ),
        _ => format!(
            "{{\"env\":\"{stage}\",\"application\":\"{word}\",\"costCenter\":\"{}\",\
             \"owner\":\"Team Größe, {word}\"}}",
            random.digits(4)
        ),
    }
}

/// Quantity and amounts of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amounts {
    /// Quantity in units of 10^-6.
    pub(super) quantity: i128,
    /// Amount in USD, units of 10^-15.
    pub(super) pricing: i128,
    /// Amount in billing currency, units of 10^-15.
    pub(super) billing: i128,
}

/// Usage row before it is spelt.
#[derive(Clone)]
pub(super) struct UsageRow {
    pub(super) series: Rc<Series>,
    pub(super) day: Day,
    pub(super) rated: Rated,
    pub(super) amounts: Amounts,
    /// Number of the row in its series, from 0; the first has canonical spellings.
    pub(super) serial: u64,
    /// Random bits that choose the spellings.
    pub(super) spelling: u64,
}

/// Texts that are made anew for each row, in buffers that all rows share.
#[derive(Default)]
pub(super) struct Scratch {
    quantity: String,
    pricing: String,
    billing: String,
    info: String,
}

impl Scratch {
    /// Fills the buffers with the texts of a row.
    pub(super) fn fill(&mut self, row: &UsageRow) {
        let numbers = [
            (&mut self.quantity, row.amounts.quantity, QUANTITY_SCALE),
            (&mut self.pricing, row.amounts.pricing, TOTAL_SCALE),
            (&mut self.billing, row.amounts.billing, TOTAL_SCALE),
        ];
        // The buffers keep their memory: at millions of rows, allocations would take most of the
        // time.
        for (text, value, scale) in numbers {
            text.clear();
            write_number(text, value, scale);
        }
        self.info.clear();
        self.info.push_str(&row.series.info);
        write_number(&mut self.info, i128::from(row.serial), 0);
        self.info.push_str("\"}");
    }

    /// Cells of the row that [`Self::fill`] saw last, in the order of the downloaded CSV.
    pub(super) fn cells<'a>(&'a self, partner: &'a Partner, row: &'a UsageRow) -> [&'a str; WIDTH] {
        let spelling = Spellings::of(row);
        let (thing, rating) = (
            thing(partner, row, &spelling),
            self.rating(partner, row, &spelling),
        );
        let mut cells = [""; WIDTH];
        let (first, last) = cells.split_at_mut(thing.len());
        first.copy_from_slice(&thing);
        last.copy_from_slice(&rating);
        cells
    }

    /// Cells from ChargeType to the end: what the usage costs.
    fn rating<'a>(
        &'a self,
        partner: &'a Partner,
        row: &'a UsageRow,
        spelling: &Spellings,
    ) -> [&'a str; WIDTH - THING_WIDTH] {
        let Series {
            plan,
            meter,
            entitlement,
            ..
        } = &*row.series;
        let customer = &plan.customer;
        let (effective, earned) = match row.rated {
            Rated::Earned => (meter.earned_price_text.as_str(), true),
            Rated::Retail => (meter.unit_price_text.as_str(), false),
            // Free rows still say that the credit was applied: model::domain::quirks, daily rated
            // usage 11.
            Rated::Granted(earned) | Rated::Covered(earned) => ("0", earned),
        };
        let benefit = if matches!(row.rated, Rated::Covered(_)) {
            "SavingsPlan"
        } else {
            ""
        };
        let (percentage, credit) = if earned {
            ("15", "Partner Earned Credit Applied")
        } else {
            ("", "Credit Not Applied")
        };
        [
            "new",
            &meter.unit_price_text,
            &self.quantity,
            meter.service.unit,
            &self.billing,
            customer.invoice.currency,
            &self.pricing,
            "USD",
            "",
            "",
            &row.series.tags,
            &self.info,
            effective,
            &row.series.rate,
            partner.dates.text(partner.dates.first),
            if spelling.odd_entitlement {
                &entitlement.upper_id
            } else {
                &entitlement.id
            },
            &entitlement.description,
            percentage,
            "",
            credit,
            "",
            "",
            benefit,
        ]
    }
}

/// Cells from PartnerId to ResourceURI: who used what, where and when.
fn thing<'a>(
    partner: &'a Partner,
    row: &'a UsageRow,
    spelling: &Spellings,
) -> [&'a str; THING_WIDTH] {
    let Series { plan, meter, .. } = &*row.series;
    let customer = &plan.customer;
    let (start, end) = partner.dates.cycle(row.day);
    [
        &partner.id,
        partner.name,
        if spelling.odd_customer {
            &customer.odd_id
        } else {
            &customer.id
        },
        &customer.name,
        &customer.domain,
        customer.country,
        "",
        &customer.reseller,
        &customer.invoice.number,
        &meter.product_id,
        if spelling.short_sku {
            &meter.short_sku_id
        } else {
            &meter.sku_id
        },
        &meter.availability_id,
        &meter.sku_name,
        &meter.product_name,
        meter.publisher,
        "",
        "",
        &plan.id,
        start,
        end,
        partner.dates.text(row.day),
        &meter.meter_type,
        meter.service.category,
        &meter.meter_id,
        meter.service.sub_category,
        &meter.meter_name,
        meter.region,
        meter.service.unit,
        meter.location,
        meter.service.provider,
        &row.series.resource_group,
        &row.series.uris[spelling.uri],
    ]
}

/// Choice among the spellings of a row's ids: case of ids is not stable in real files, and
/// spreadsheets take zeros away ([quirks](crate::model::domain::quirks), daily rated usage 6 and
/// 8).
struct Spellings {
    odd_customer: bool,
    odd_entitlement: bool,
    short_sku: bool,
    /// Index of the spelling in [`Series::uris`].
    uri: usize,
}

impl Spellings {
    fn of(row: &UsageRow) -> Self {
        // No odd spelling is drawn from ones only: the first row of a series is canonical.
        let bits = if row.serial == 0 {
            u64::MAX
        } else {
            row.spelling
        };
        // Each choice has bits of its own, so that every combination of spellings occurs.
        let once_in_sixteen = |place: u32| (bits >> place) & 15 == 0;
        let uri = match bits & 31 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 3,
        };
        Self {
            odd_customer: once_in_sixteen(5),
            odd_entitlement: once_in_sixteen(9),
            short_sku: once_in_sixteen(13),
            uri,
        }
    }
}
