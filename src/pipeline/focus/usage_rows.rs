//! A row of usage as a charge of FOCUS: what kind of charge it is, its prices, and what it was for.

use std::borrow::Cow;

use super::regions::AzureRegion;
use super::resources::ResourceParts;
use super::services::ServiceClass;
use super::source_rows::{
    FOCUS_SCALE, PartitionFacts, SourceRow, joined, joined_ids, product, widened,
};
use super::tags::TagsText;
use super::units::BlockUnit;
use crate::engine::failure::EngineError;
use crate::model::decimal::{PUBLISHED_SCALE, power_of_ten};
use crate::model::tables::analyst::USAGE_DAILY;
use crate::model::tables::column_of;

/// Name of the publisher, and of the service, where the row tells none.
const MICROSOFT: &str = "Microsoft";
const AZURE: &str = "Azure";

/// Place of a column in the rows of usage.
pub(super) const fn usage(name: &str) -> usize {
    column_of(&USAGE_DAILY, name)
}

/// One row of usage, and what FOCUS makes of it.
pub(super) struct UsageRow<'b> {
    pub(super) source: SourceRow<'b>,
    pub(super) facts: &'b PartitionFacts,
    /// True for a credit that was granted after the fact; else the row is usage.
    pub(super) is_credit: bool,
    /// True for money that comes back for a period that was invoiced before.
    pub(super) is_correction: bool,
    /// Amount as it is billed, in units of 10^-22, as all numbers here.
    pub(super) amount: i128,
    /// Quantities and prices; a credit has none.
    pub(super) pricing: Pricing,
    /// Numbers that are handed on as they came.
    pub(super) sent: SentNumbers,
    /// Unit of the price.
    pub(super) unit: BlockUnit,
    pub(super) commitment: Option<Commitment<'b>>,
    pub(super) invoice: Option<String>,
    pub(super) description: Option<String>,
    pub(super) service: (&'b str, ServiceClass),
    pub(super) sku: Option<String>,
    pub(super) sku_price: Option<String>,
    pub(super) availability: Option<String>,
    pub(super) resource: Option<UsedResource<'b>>,
    pub(super) region: Option<AzureRegion<'b>>,
    /// Id of the Azure subscription.
    pub(super) sub_account: Option<&'b str>,
    pub(super) tags: TagsText,
}

/// Quantities and prices of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pricing {
    /// Quantity in blocks; negative where money comes back.
    pub(super) quantity: Option<i128>,
    /// Quantity in units, not blocks.
    pub(super) consumed: Option<i128>,
    /// List price in the pricing currency, never negative.
    pub(super) price: Option<i128>,
    /// List price in the billing currency.
    pub(super) billed_price: Option<i128>,
    /// List price in the billing currency times quantity.
    pub(super) list_cost: Option<i128>,
}

/// Numbers of a row that are handed on as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentNumbers {
    /// Amount in the pricing currency.
    pub(super) pricing_amount: Option<i128>,
    /// Price after credits and discounts, in the pricing currency.
    pub(super) effective_price: Option<i128>,
    pub(super) exchange_rate: Option<i128>,
    pub(super) credit_percent: Option<i128>,
    /// Partner earned credit as a fraction.
    pub(super) earned_credit: Option<i128>,
    /// Size of the block in the unit.
    pub(super) block: i128,
}

/// Reservation or savings plan that covers a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commitment<'b> {
    pub(super) id: &'b str,
    pub(super) is_savings_plan: bool,
}

/// Resource of a row.
pub(super) struct UsedResource<'b> {
    pub(super) id: &'b str,
    pub(super) name: &'b str,
    pub(super) resource_type: Option<Cow<'b, str>>,
}

impl<'b> UsageRow<'b> {
    /// What FOCUS makes of a row.
    ///
    /// # Errors
    /// [`EngineError::AmountOverflow`] for a number of more than 16 digits before the point.
    pub(super) fn of(
        source: SourceRow<'b>,
        facts: &'b PartitionFacts,
    ) -> Result<Self, EngineError> {
        let text = |column| source.text(column);
        // Every row has an amount, unless it has too many digits to be kept.
        let amount = source.wide(const { usage("amount") })?;
        let amount = amount.ok_or(EngineError::AmountOverflow)?;
        let day = source.day(const { usage("usage_date") });
        let is_credit = is_credit(source, amount);
        let unit = BlockUnit::of(text(const { usage("unit") }).unwrap_or(""));
        let pricing = if is_credit {
            Pricing::default()
        } else {
            Pricing::of(source, &unit)?
        };
        let [product, sku, meter] = [
            usage("product_name"),
            usage("sku_name"),
            usage("meter_name"),
        ]
        .map(text);
        let service = text(const { usage("meter_category") })
            .or(product)
            .or(sku)
            .unwrap_or(AZURE);
        let resource = text(const { usage("resource_uri") });
        let parts = resource.map(ResourceParts::of);
        let of_resource = parts.as_ref().and_then(|parts| parts.subscription);
        let (sku_id, sku_price) = sku_ids(source);
        Ok(Self {
            source,
            facts,
            is_credit,
            is_correction: amount < 0 && day.is_some_and(|day| day < facts.period.days().0),
            amount,
            pricing,
            sent: SentNumbers::of(source, &unit)?,
            unit,
            commitment: (!is_credit).then(|| Commitment::of(source)).flatten(),
            invoice: source.upper(const { usage("invoice_number") }),
            description: joined([product, sku, meter]),
            service: (service, ServiceClass::of(service)),
            sku: sku_id,
            sku_price,
            availability: source.upper(const { usage("availability_id") }),
            resource: resource.zip(parts).map(|(id, parts)| UsedResource {
                id,
                name: parts.name,
                resource_type: parts.resource_type.map(Cow::Owned).or_else(|| {
                    let kind = text(const { usage("consumed_service") })
                        .or(text(const { usage("meter_category") }))
                        .or(product);
                    kind.map(Cow::Borrowed)
                }),
            }),
            region: text(const { usage("resource_location") }).and_then(AzureRegion::of),
            sub_account: text(const { usage("entitlement_id") }).or(of_resource),
            tags: TagsText::of(text(const { usage("tags") })),
        })
    }

    /// List price times quantity, or the amount where either is not known.
    pub(super) fn list_cost(&self) -> i128 {
        self.pricing.list_cost.unwrap_or(self.amount)
    }

    /// Quantity that the reservation covers; of a savings plan it is money, which usage does not tell.
    pub(super) fn covered_quantity(&self) -> Option<i128> {
        self.commitment.filter(|found| !found.is_savings_plan)?;
        self.pricing.consumed
    }

    /// Meter; none where there is no SKU that it could be one of.
    pub(super) fn sku_meter(&self) -> Option<&str> {
        self.sku.as_ref()?;
        let meter = self.source.text(const { usage("meter_name") });
        meter.or(self.source.text(const { usage("sku_name") }))
    }

    /// Name of the Azure subscription, or its id.
    pub(super) fn sub_account_name(&self) -> Option<&str> {
        let id = self.sub_account?;
        let name = self.source.text(const { usage("entitlement_description") });
        Some(name.unwrap_or(id))
    }

    /// Publisher of what was used.
    pub(super) fn publisher(&self) -> &str {
        let named = self.source.text(const { usage("publisher_name") });
        named
            .or(self.source.text(const { usage("publisher_id") }))
            .unwrap_or(MICROSOFT)
    }

    /// Category of the price.
    pub(super) fn pricing_category(&self) -> Option<&'static str> {
        if self.is_credit {
            return None;
        }
        let names = [usage("sku_name"), usage("meter_name")].map(|name| self.source.text(name));
        let is_dynamic = names.into_iter().flatten().any(is_dynamic);
        Some(match (&self.commitment, is_dynamic) {
            (Some(_), _) => "Committed",
            (None, true) => "Dynamic",
            (None, false) => "Standard",
        })
    }

    /// Reseller; `-1` is the way of one API to say that there is none.
    pub(super) fn reseller(&self) -> Option<&str> {
        let id = self.source.text(const { usage("tier2_mpn_id") });
        id.filter(|id| *id != "-1")
    }

    /// True if the row has all that FOCUS asks of it.
    pub(super) fn conforms(&self) -> bool {
        let is_priced = self.is_correction
            || (self.pricing.billed_price.is_some()
                && self.pricing.quantity.is_some()
                && self.sku.is_some()
                && (self.commitment.is_none() || self.covered_quantity().is_some()));
        (self.is_credit || is_priced) && self.tags != TagsText::Unreadable
    }
}

impl SentNumbers {
    fn of(source: SourceRow<'_>, unit: &BlockUnit) -> Result<Self, EngineError> {
        let percent = source.number(const { usage("partner_earned_credit_percent") });
        // Two decimals more than per cent.
        let fraction = percent.map(|percent| product((percent, PUBLISHED_SCALE + 2), (1, 0)));
        Ok(Self {
            pricing_amount: source.wide(const { usage("pricing_amount") })?,
            effective_price: source.wide(const { usage("effective_unit_price") })?,
            exchange_rate: source.wide(const { usage("exchange_rate") })?,
            credit_percent: source.wide(const { usage("credit_percent") })?,
            earned_credit: fraction.transpose()?,
            block: product((unit.block, 0), (1, 0))?,
        })
    }
}

/// True for a credit: one of the charge type, or what Azure takes off for a credit. The partner
/// earned credit is none, for it is in the price.
fn is_credit(source: SourceRow<'_>, amount: i128) -> bool {
    let is = |column, wanted: &str| {
        let found = source.text(column);
        found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    };
    is(const { usage("charge_type") }, "customerCredit")
        || (amount < 0 && is(const { usage("credit_type") }, "Azure Credit Applied"))
}

impl Pricing {
    fn of(source: SourceRow<'_>, unit: &BlockUnit) -> Result<Self, EngineError> {
        let sent = source.number(const { usage("unit_price") });
        // FOCUS has no negative prices: what comes back is a negative quantity.
        let sign = if sent.is_some_and(|price| price < 0) {
            -1
        } else {
            1
        };
        let price = sent.map(i128::abs);
        let quantity = source
            .number(const { usage("quantity") })
            .map(|quantity| quantity * sign);
        let billed_price = match (price, rate(source)) {
            (Some(price), Some(rate)) => {
                Some(product((price, PUBLISHED_SCALE), (rate, PUBLISHED_SCALE))?)
            }
            _ => None,
        };
        let list_cost = match (billed_price, quantity) {
            (Some(price), Some(quantity)) => {
                Some(product((price, FOCUS_SCALE), (quantity, PUBLISHED_SCALE))?)
            }
            _ => None,
        };
        let consumed = quantity
            .map(|quantity| product((quantity, PUBLISHED_SCALE), (unit.block, 0)))
            .transpose()?;
        Ok(Self {
            quantity: quantity.map(widened).transpose()?,
            consumed,
            price: price.map(widened).transpose()?,
            billed_price,
            list_cost,
        })
    }
}

/// Rate from the pricing currency to that of the bill; 1 between a currency and itself.
fn rate(source: SourceRow<'_>) -> Option<i128> {
    let sent = source.number(const { usage("exchange_rate") });
    let currencies = [usage("currency"), usage("pricing_currency")].map(|at| source.text(at));
    let is_same = currencies[0].is_some() && currencies[0] == currencies[1];
    sent.or_else(|| is_same.then(|| power_of_ten(PUBLISHED_SCALE)))
}

impl<'b> Commitment<'b> {
    fn of(source: SourceRow<'b>) -> Option<Self> {
        let id = source
            .text(const { usage("benefit_id") })
            .or(source.text(const { usage("benefit_order_id") }))?;
        let kind = source.text(const { usage("benefit_type") });
        Some(Self {
            id,
            is_savings_plan: kind.is_some_and(|kind| kind.to_lowercase().contains("saving")),
        })
    }
}

/// SKU and its price: product and SKU, and these with the meter, as Microsoft's own export has them.
fn sku_ids(source: SourceRow<'_>) -> (Option<String>, Option<String>) {
    let [product, sku] = [usage("product_id"), usage("sku_id")].map(|at| source.upper(at));
    let meter = source.text(const { usage("meter_id") });
    match joined_ids([product.as_deref(), sku.as_deref()]) {
        Some(id) => {
            let price = joined_ids([Some(&id), meter]);
            (Some(id), price)
        }
        None => {
            let stand_in = meter.or(source.text(const { usage("meter_name") }));
            let stand_in = stand_in.map(str::to_owned);
            (stand_in.clone(), stand_in)
        }
    }
}

/// True for a name of what is sold at a price that moves.
fn is_dynamic(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphanumeric());
    let pairs = words().zip(words().skip(1));
    words().any(|word| word == "spot") || pairs.into_iter().any(|pair| pair == ("low", "priority"))
}
