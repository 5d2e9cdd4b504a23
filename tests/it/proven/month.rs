//! A month of usage and of the lines that bill it by the documented formula: the charge of a meter
//! cut to cents, times the exchange rate, cut to the last digit of the billing currency.

use tieout::model::dataset::Dataset;

use super::number::{Number, number};
use super::random::Random;
use crate::scenarios::defaults;
use crate::scenarios::inputs::sheet;
use crate::scenarios::month::Table;

/// Customer, plan, product, SKU and meter.
pub(super) type Key = [String; 5];

/// How the files of a month are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) currency: &'static str,
    /// Decimals of the billing currency.
    pub(super) digits: u32,
    /// Rate from the pricing to the billing currency.
    pub(super) rate: Number,
    /// Significant digits to which a spreadsheet cut amounts and quantities; `None` for all.
    pub(super) significant: Option<u32>,
    /// True if the billed amount of each row is cut to cents.
    pub(super) is_floored: bool,
    /// True if one meter in some is billed by two lines, one of them with a partner earned credit.
    pub(super) has_two_lines: bool,
    /// Number of meters.
    pub(super) meters: u64,
}

/// US dollars, all digits.
pub(super) const PLAIN: Style = Style {
    currency: "USD",
    digits: 2,
    rate: number(1, 0),
    significant: None,
    is_floored: false,
    has_two_lines: false,
    meters: 16,
};

#[derive(Clone, Debug)]
pub(super) struct UsageRow {
    pub(super) key: Key,
    pub(super) day: u64,
    pub(super) quantity: Number,
    pub(super) price: Number,
    pub(super) has_credit: bool,
}

#[derive(Clone, Debug)]
pub(super) struct LineRow {
    pub(super) key: Key,
    pub(super) quantity: Number,
    pub(super) price: Number,
    pub(super) rate: Number,
    pub(super) subtotal: Number,
    pub(super) tax: Number,
    pub(super) total: Number,
    pub(super) has_credit: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ProvenMonth {
    pub(super) style: Style,
    pub(super) usage: Vec<UsageRow>,
    pub(super) lines: Vec<LineRow>,
}

/// The partner's share of a price with a partner earned credit of 15 %.
const NET: Number = number(85, 2);

impl UsageRow {
    /// Exact charge in the pricing currency.
    pub(super) fn charge(&self) -> Number {
        self.quantity.times(self.net_price())
    }

    fn net_price(&self) -> Number {
        if self.has_credit {
            self.price.times(NET)
        } else {
            self.price
        }
    }

    /// Quantity, and amounts in the pricing and in the billing currency, as the file writes them.
    pub(super) fn written(&self, style: &Style) -> [Number; 3] {
        let kept = |amount: Number| match style.significant {
            Some(digits) => amount.significant(digits),
            // A double prints some fifteen decimals of such amounts.
            None => amount.nearest(15),
        };
        let pricing = kept(self.charge());
        let billing = self.charge().nearest(22).times(style.rate);
        let billing = if style.is_floored {
            billing.down(2)
        } else {
            kept(billing)
        };
        [kept(self.quantity), pricing, billing]
    }
}

/// Subtotal that the documented formula makes of a charge.
pub(super) fn subtotal_of(charge: Number, rate: Number, digits: u32) -> Number {
    charge.down(2).times(rate).down(digits)
}

impl ProvenMonth {
    /// An honest month.
    pub(super) fn honest(style: Style, random: &mut Random) -> Self {
        let mut month = Self {
            style,
            usage: Vec::new(),
            lines: Vec::new(),
        };
        for meter in 0..style.meters {
            let key = key_of(meter);
            let price = price(random);
            let splits = style.has_two_lines && random.one_in(4);
            for has_credit in [false, true] {
                if has_credit && !splits {
                    continue;
                }
                let of_line = month.usage.len();
                for _ in 0..random.between(1, 3) {
                    let decimals = random.between(0, 6) as u32;
                    let most = 200 * 10_u64.pow(decimals);
                    month.usage.push(UsageRow {
                        key: key.clone(),
                        day: random.between(1, 30),
                        quantity: number(i128::from(random.between(most / 20, most)), decimals),
                        price,
                        has_credit,
                    });
                }
                let line = line_of(&month.usage[of_line..], style);
                month.lines.push(line);
            }
        }
        month
    }

    /// The files of usage and of lines.
    pub(super) fn files(&self) -> [String; 2] {
        let style = &self.style;
        let usage = self.usage.iter().map(|row| {
            let [quantity, pricing, billing] = row.written(style).map(Number::text);
            let [customer, plan, product, sku, meter] = row.key.clone();
            let credit = if row.has_credit { "15" } else { "" };
            vec![
                format!("2026-10-{:02}", row.day),
                customer,
                plan,
                product,
                sku,
                meter,
                format!("r{}", row.day % 3),
                quantity,
                row.price.text(),
                row.net_price().text(),
                pricing,
                billing,
                style.currency.to_owned(),
                style.rate.text(),
                credit.to_owned(),
            ]
        });
        let usage = table(
            "UsageDate CustomerId SubscriptionId ProductId SkuId MeterName ResourceURI Quantity \
             UnitPrice EffectiveUnitPrice PricingPreTaxTotal BillingPreTaxTotal BillingCurrency \
             PCToBCExchangeRate PartnerEarnedCreditPercentage",
            usage,
        );
        let lines = self.lines.iter().map(|line| {
            let [customer, plan, product, sku, meter] = line.key.clone();
            let credit = if line.has_credit {
                "[\"15.0% Partner earned credit for services managed\"]"
            } else {
                ""
            };
            let numbers = [
                line.price,
                line.quantity,
                line.subtotal,
                line.tax,
                line.total,
                line.rate,
            ];
            let mut cells = vec!["G1".to_owned(), customer, plan, product, sku, meter];
            cells.extend(numbers.map(Number::text));
            cells.extend([style.currency.to_owned(), credit.to_owned()]);
            cells.extend(["new", "2026-10-01", "2026-10-31"].map(str::to_owned));
            cells
        });
        let lines = table(
            "InvoiceNumber CustomerId SubscriptionId ProductId SkuId MeterDescription \
             EffectiveUnitPrice BillableQuantity Subtotal TaxTotal Total PCToBCExchangeRate \
             Currency PriceAdjustmentDescription ChargeType ChargeStartDate ChargeEndDate",
            lines,
        );
        [
            sheet(Dataset::Usage, &usage, defaults::USAGE),
            sheet(Dataset::InvoiceLines, &lines, defaults::LINES),
        ]
    }
}

fn table(names: &str, rows: impl Iterator<Item = Vec<String>>) -> Table {
    Table {
        names: names.split_whitespace().map(str::to_owned).collect(),
        rows: rows.collect(),
    }
}

/// Key of a meter; neighbours share customer, plan, product and SKU as they do in real files.
pub(super) fn key_of(meter: u64) -> Key {
    [
        format!("c{}", meter / 8 % 3),
        format!("s{}", meter / 8 % 3),
        format!("P{}", meter / 4 % 2),
        format!("000{}", meter / 2 % 2),
        format!("Meter {meter}"),
    ]
}

/// A list price of 1 to 22 decimals.
fn price(random: &mut Random) -> Number {
    let decimals = random.between(1, 22) as u32;
    // Leading digits by themselves: a number of 64 bits has no 22 decimals.
    let mut units = i128::from(random.between(1, 9));
    for _ in 1..decimals {
        units = units * 10 + i128::from(random.between(0, 9));
    }
    number(units, decimals)
}

/// Line that bills some usage of one price and credit.
fn line_of(usage: &[UsageRow], style: Style) -> LineRow {
    let first = &usage[0];
    let quantity = usage
        .iter()
        .fold(Number::ZERO, |sum, row| sum.plus(row.quantity));
    let charge = usage
        .iter()
        .fold(Number::ZERO, |sum, row| sum.plus(row.charge()));
    let subtotal = subtotal_of(charge, style.rate, style.digits);
    let tax = subtotal.times(number(19, 2)).down(style.digits);
    LineRow {
        key: first.key.clone(),
        quantity,
        price: first.net_price(),
        rate: style.rate,
        subtotal,
        tax,
        total: subtotal.plus(tax),
        has_credit: first.has_credit,
    }
}
