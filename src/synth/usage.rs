//! Daily rated usage: resources, their rows, and the 55 cells of a row.

use std::rc::Rc;

use super::catalogue::{EFFECTIVE_SCALE, Meter, PRICE_SCALE};
use super::number::{number, write_number};
use super::partner::{Entitlement, Partner, Plan, RATE_SCALE};
use super::random::Random;
use crate::model::decimal::{self, Rounding};
use crate::model::period::Day;

/// Decimals of a quantity.
pub(super) const QUANTITY_SCALE: u32 = 6;
/// Decimals of PricingPreTaxTotal and BillingPreTaxTotal.
pub(super) const TOTAL_SCALE: u32 = 15;
/// Columns of a row.
pub(super) const WIDTH: usize = crate::model::dataset::USAGE.len();
/// Columns up to ResourceURI.
const THING_WIDTH: usize = 32;

/// Resources of a plan that all meters of a kind have in common.
const SHARED_RESOURCES: u64 = 6;
const WORDS: [&str; 8] = [
    "web", "erp", "data", "backup", "shop", "build", "portal", "iot",
];
const STAGES: [&str; 4] = ["prod", "test", "dev", "Prod"];

/// The price a row is rated at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rated {
    /// 15 % below list.
    Earned,
    /// At list.
    Retail,
    /// Free, on a day with the credit or without.
    Granted(bool),
    /// Covered by a savings plan, and free.
    Covered(bool),
}

/// One resource under one meter: the texts that its rows share.
pub(super) struct Series {
    plan: Rc<Plan>,
    meter: Rc<Meter>,
    entitlement: Rc<Entitlement>,
    resource_group: String,
    uris: [String; 4],
    tags: String,
    info: String,
    rate: String,
}

impl Series {
    /// Resource number `at` of a plan, under a meter. Meters of one kind share a plan's resources.
    pub(super) fn new(partner: &Partner, plan: &Rc<Plan>, meter: &Rc<Meter>, at: u64) -> Self {
        let kind = meter
            .service
            .resource_type
            .bytes()
            .fold(0_u64, |sum, byte| sum * 31 % 65_521 + u64::from(byte));
        // The first resources are metered by all meters of their kind, the others by one.
        let owner = if at < SHARED_RESOURCES {
            0
        } else {
            1 + meter.rank
        };
        let mut random = Random::of(partner.seed, &[6, plan.index as u64, kind, at, owner]);
        let entitlement = Rc::clone(&plan.entitlements[random.index(plan.entitlements.len())]);
        let (word, stage) = (random.pick(&WORDS), random.pick(&STAGES));
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

    /// What is metered.
    pub(super) fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// The resource, in its canonical spelling.
    pub(super) fn uri(&self) -> &str {
        &self.uris[3]
    }

    /// The Azure subscription and the resource group it lies in.
    pub(super) fn place(&self) -> (&Rc<Entitlement>, &str) {
        (&self.entitlement, &self.resource_group)
    }

    /// What a row of this resource costs; `share` is its quantity in thousandths of a usual day's.
    pub(super) fn rate(&self, rated: Rated, share: u64) -> Amounts {
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
        let quantity = if self.meter.whole_units {
            (quantity + unit - 1) / unit * unit
        } else {
            quantity
        };
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

fn half_even(value: i128, divisor: i128) -> i128 {
    decimal::divide(value, divisor, Rounding::HalfEven)
}

fn tags(random: &mut Random, word: &str, stage: &str) -> String {
    match random.below(10) {
        0 | 1 => String::new(),
        2..=5 => format!(
            "{{\"env\":\"{stage}\",\"application\":\"{word}\",\"costCenter\":\"{}\"}}",
            random.digits(4)
        ),
        _ => format!(
            "{{\"env\":\"{stage}\",\"application\":\"{word}\",\"costCenter\":\"{}\",\"owner\":\"Team Größe, {word}\"}}",
            random.digits(4)
        ),
    }
}

/// The numbers of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amounts {
    /// Units of 10^-6.
    pub(super) quantity: i128,
    /// USD, units of 10^-15.
    pub(super) pricing: i128,
    /// Billing currency, units of 10^-15.
    pub(super) billing: i128,
}

/// One usage row, before it is spelt.
#[derive(Clone)]
pub(super) struct UsageRow {
    pub(super) series: Rc<Series>,
    pub(super) day: Day,
    pub(super) rated: Rated,
    pub(super) amounts: Amounts,
    /// Counts the rows of the series; the first has canonical spellings.
    pub(super) serial: u64,
    /// Random bits that choose the spellings.
    pub(super) spelling: u64,
}

/// The texts of a row that are made anew for each.
#[derive(Default)]
pub(super) struct Scratch {
    quantity: String,
    pricing: String,
    billing: String,
    info: String,
}

impl Scratch {
    /// Makes the texts of a row.
    pub(super) fn fill(&mut self, row: &UsageRow) {
        let numbers = [
            (&mut self.quantity, row.amounts.quantity, QUANTITY_SCALE),
            (&mut self.pricing, row.amounts.pricing, TOTAL_SCALE),
            (&mut self.billing, row.amounts.billing, TOTAL_SCALE),
        ];
        for (text, value, scale) in numbers {
            text.clear();
            write_number(text, value, scale);
        }
        self.info.clear();
        self.info.push_str(&row.series.info);
        write_number(&mut self.info, i128::from(row.serial), 0);
        self.info.push_str("\"}");
    }

    /// The row's cells, in the order of the downloaded CSV.
    pub(super) fn cells<'a>(&'a self, partner: &'a Partner, row: &'a UsageRow) -> [&'a str; WIDTH] {
        let spelling = Spelling::of(row);
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

    /// ChargeType to the end: what it costs.
    fn rating<'a>(
        &'a self,
        partner: &'a Partner,
        row: &'a UsageRow,
        spelling: &Spelling,
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

/// PartnerId to ResourceURI: who used what, where and when.
fn thing<'a>(
    partner: &'a Partner,
    row: &'a UsageRow,
    spelling: &Spelling,
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

struct Spelling {
    odd_customer: bool,
    odd_entitlement: bool,
    short_sku: bool,
    uri: usize,
}

impl Spelling {
    fn of(row: &UsageRow) -> Self {
        let bits = if row.serial == 0 {
            u64::MAX
        } else {
            row.spelling
        };
        let once_in_sixteen = |place: u32| (bits >> place) & 15 == 0;
        let uri = match bits & 31 {
            odd @ 0..=2 => usize::try_from(odd).unwrap_or(3),
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
