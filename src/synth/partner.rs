//! Who is billed: the partner, its two invoices, its customers and their Azure plans.
//!
//! Customers and plans are made from their position alone, so that nothing has to be kept of those
//! that are done. Names hold what breaks naive readers: commas, quotes, `&`, trailing dots, other
//! scripts ([quirks](crate::model::domain::quirks), daily rated usage 13).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::month::Month;
use super::random::{Random, Weights};
use crate::model::period::{Day, Period, date_of};

/// Decimals of an exchange rate.
pub(super) const RATE_SCALE: u32 = 9;

const NAMES: [&str; 20] = [
    "Contoso, Ltd.",
    "Fabrikam & Söhne GmbH",
    "\"Northwind\" Traders",
    "Müller Maschinenbau AG",
    "Adventure Works Inc.",
    "株式会社ノースウィンド",
    "Wide World Importers",
    "Šumava Papír s.r.o.",
    "Château & Fils, S.A.R.L.",
    "Ærø Rederi A/S",
    "Tailspin Toys",
    "A. Datum Corporation.",
    "Löwenbräu Küche & Co. KG",
    "深圳市测试科技有限公司",
    "O'Brien \"The Mill\" Bakery",
    "Graphic Design Institute",
    "Zażółć Gęślą Jaźń Sp. z o.o.",
    "Litware, Inc.",
    "Proseware GmbH & Co. KG.",
    "Ἀθήνα Νῆσος Α.Ε.",
];
const PLACES: [&str; 12] = [
    "Köln", "Genève", "Kraków", "Łódź", "München", "Malmö", "東京", "Århus", "Zürich", "Dublin",
    "Coruña", "Tromsø",
];
const COUNTRIES: [&str; 6] = ["DE", "FR", "CH", "SE", "PL", "US"];

/// Header of an invoice; there is one in each billing currency, and may be a second.
#[derive(Clone)]
pub(super) struct Invoice {
    pub(super) number: String,
    pub(super) currency: &'static str,
    /// Exchange rate from USD to the billing currency, units of 10^-9.
    pub(super) rate: i128,
    /// Tax in percent of a subtotal.
    pub(super) tax_percent: i128,
}

/// Customer tenant of the partner.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) id: String,
    /// Spelling of the id in another case.
    pub(super) odd_id: String,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) country: &'static str,
    pub(super) reseller: String,
    pub(super) invoice: Rc<Invoice>,
}

/// Entitlement: an Azure subscription below a plan.
pub(super) struct Entitlement {
    pub(super) id: String,
    pub(super) upper_id: String,
    pub(super) description: String,
}

/// Azure plan of a customer, below which all usage hangs.
pub(super) struct Plan {
    /// Position among all plans.
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) customer: Rc<Customer>,
    pub(super) entitlements: Vec<Rc<Entitlement>>,
    /// Number of usage rows laid out for it, planted duplicates left out.
    pub(super) rows: u64,
}

/// Partner, and the month that is billed.
pub(super) struct Partner {
    /// Seed of who the partner and its customers are, and of what they use.
    pub(super) seed: u64,
    /// Seed of what changes from month to month; the same one where there is but one month.
    pub(super) month_seed: u64,
    /// Digits of the first invoice number that is still free; `None` where numbers are drawn.
    pub(super) free_number: Option<u64>,
    /// Positions of customers who are not there in the month.
    absent: BTreeSet<usize>,
    pub(super) period: Period,
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) mpn_id: String,
    pub(super) invoices: [Rc<Invoice>; 2],
    /// Second invoice of the month in each currency, parallel to `invoices`; planted months only
    /// have them.
    pub(super) second: [Rc<Invoice>; 2],
    pub(super) dates: Dates,
    sizes: Weights,
    rows: u64,
}

/// Days of the month and of the one before, with their ISO texts: every row spells several.
pub(super) struct Dates {
    /// First day of the previous month.
    previous: Day,
    /// First day of the month.
    pub(super) first: Day,
    /// First day after the month.
    pub(super) next: Day,
    /// ISO texts of the days from `previous` on.
    texts: Vec<String>,
}

impl Dates {
    fn of(period: Period) -> Self {
        let (first, next) = period.days();
        let before = Period::of(first - 1).expect("a month that is billed is not the first of all");
        let (previous, _) = before.days();
        Self {
            previous,
            first,
            next,
            texts: (previous..next).map(iso).collect(),
        }
    }

    /// ISO text of a day of the two months.
    pub(super) fn text(&self, day: Day) -> &str {
        let at =
            usize::try_from(day - self.previous).expect("no day before the two months is used");
        &self.texts[at]
    }

    /// Number of days in the month.
    pub(super) fn count(&self) -> u64 {
        u64::from((self.next - self.first).unsigned_abs())
    }

    /// Day of the previous month that stands where `day` does in this one; its last day where it is
    /// shorter.
    pub(super) fn month_before(&self, day: Day) -> Day {
        self.previous + (day - self.first).min(self.first - self.previous - 1)
    }

    /// First and last day of the charge cycle that holds `day`.
    pub(super) fn cycle(&self, day: Day) -> (&str, &str) {
        let (start, end) = if day < self.first {
            (self.previous, self.first)
        } else {
            (self.first, self.next)
        };
        // Inclusive, as in CSV; v1's pages move the end by a day (model::domain::quirks, daily
        // rated usage 12).
        (self.text(start), self.text(end - 1))
    }
}

/// ISO text of a day, as `2026-10-05`.
pub(super) fn iso(day: Day) -> String {
    let date = date_of(day).expect("a day within weeks of a month that is billed");
    date.to_string()
}

impl Partner {
    /// Partner of a seed, with usage for `rows` rows; `month` is `None` where it has but one.
    pub(super) fn new(seed: u64, period: Period, rows: u64, month: Option<&Month>) -> Self {
        let mut random = Random::of(seed, &[2]);
        let customers = customer_count(rows);
        // `G` marks invoices of the new commerce, `D` those of the legacy one.
        let mut number = |at: u64| {
            let drawn = random.digits(8);
            match month {
                Some(month) => format!("G0{}", month.first_number + at),
                None => format!("G0{drawn}"),
            }
        };
        let eur = Invoice {
            number: number(0),
            currency: "EUR",
            rate: month.map_or(846_202_666, |month| month.rate),
            tax_percent: 19,
        };
        // Neither converted nor taxed: a fault in conversion or tax shows on the other invoice
        // only.
        let usd = Invoice {
            number: number(1),
            currency: "USD",
            rate: 1_000_000_000,
            tax_percent: 0,
        };
        let invoices = [Rc::new(eur), Rc::new(usd)];
        let mut numbers = Random::of(seed, &[21]);
        let mut free = month.map(|month| month.first_number + 2);
        let second = invoices.each_ref().map(|invoice| {
            let number = next_number(&mut free, &mut numbers);
            Rc::new(Invoice {
                number,
                ..Invoice::clone(invoice)
            })
        });
        let none = BTreeSet::new();
        let absent = month.map_or(&none, |month| &month.absent);
        Self {
            seed,
            month_seed: month.map_or(seed, |month| month.seed),
            free_number: free,
            absent: absent.clone(),
            period,
            id: random.guid(),
            name: "Brücke & \"BPC\", Cloud",
            mpn_id: random.digits(7),
            invoices,
            second,
            dates: Dates::of(period),
            sizes: Weights::zipf(customers, 1).without(absent),
            rows,
        }
    }

    /// Second invoice in the currency of a first one.
    pub(super) fn second_of(&self, first: &Invoice) -> &Rc<Invoice> {
        let at = usize::from(first.currency != self.invoices[0].currency);
        &self.second[at]
    }

    /// All invoices that may have lines.
    pub(super) fn all_invoices(&self) -> impl Iterator<Item = &Invoice> {
        let all = self.invoices.iter().chain(&self.second);
        all.map(|invoice| &**invoice)
    }

    /// Number of rows of each customer, largest first.
    pub(super) fn customer_rows(&self) -> impl Iterator<Item = u64> + '_ {
        self.sizes.apportion(self.rows)
    }

    /// True if the customer at a position has not left, and has come.
    pub(super) fn is_present(&self, index: usize) -> bool {
        !self.absent.contains(&index)
    }

    /// Customer at a position.
    pub(super) fn customer(&self, index: usize) -> Rc<Customer> {
        let mut random = Random::of(self.seed, &[3, index as u64]);
        let id = random.guid();
        // Each seventh customer is a second tenant of the same name.
        // Names are no keys: model::domain::quirks, daily rated usage 7.
        let named = if index % 7 == 6 { index - 1 } else { index };
        let mut name = NAMES[named % NAMES.len()].to_owned();
        if named >= NAMES.len() {
            name.push(' ');
            name.push_str(PLACES[named / NAMES.len() % PLACES.len()]);
        }
        if named >= NAMES.len() * PLACES.len() {
            name.push_str(&format!(" {}", named / (NAMES.len() * PLACES.len())));
        }
        Rc::new(Customer {
            odd_id: if index.is_multiple_of(2) {
                id.to_uppercase()
            } else {
                mixed_case(&id)
            },
            id,
            name,
            domain: format!("t{index:05}.onmicrosoft.com"),
            country: random.pick(&COUNTRIES),
            reseller: if random.once_in(3) {
                random.digits(7)
            } else {
                String::new()
            },
            // Customers are billed in euro and dollars in turn.
            invoice: Rc::clone(&self.invoices[index % 2]),
        })
    }

    /// Plans of the customer at a position, numbered from `first` on; they share `rows`.
    pub(super) fn plans(&self, customer: usize, first: usize, rows: u64) -> Vec<Plan> {
        let who = self.customer(customer);
        let mut random = Random::of(self.seed, &[4, customer as u64]);
        let shares = Weights::zipf(1 + random.index(3), 1);
        let plans = shares.apportion(rows).enumerate();
        plans
            .map(|(at, rows)| self.plan(&who, first + at, rows))
            .collect()
    }

    /// Plan of a customer, of which `index` and the seed decide everything but the rows.
    pub(super) fn plan(&self, customer: &Rc<Customer>, index: usize, rows: u64) -> Plan {
        let mut random = Random::of(self.seed, &[5, index as u64]);
        let id = random.guid();
        let count = 1 + random.index(3);
        let mut entitlement = |at: usize| {
            let id = random.guid();
            Rc::new(Entitlement {
                upper_id: id.to_uppercase(),
                id,
                description: format!("Subscription {}", at + 1),
            })
        };
        Plan {
            index,
            id,
            customer: Rc::clone(customer),
            entitlements: (0..count).map(&mut entitlement).collect(),
            rows,
        }
    }
}

/// Next invoice number: the first one that is free, or a random one.
pub(super) fn next_number(free: &mut Option<u64>, random: &mut Random) -> String {
    let drawn = random.digits(8);
    match free {
        Some(digits) => {
            *digits += 1;
            format!("G0{}", *digits - 1)
        }
        None => format!("G0{drawn}"),
    }
}

/// Number of customers of a partner with `rows` rows a month.
pub(super) fn customer_count(rows: u64) -> usize {
    // Eight at least, so that the smallest month too has a second tenant of one name, the seventh,
    // and customers of both invoices.
    usize::try_from((rows / 6_000).max(8)).expect("a count of customers")
}

/// Id with every third character in upper case.
fn mixed_case(id: &str) -> String {
    id.char_indices()
        .map(|(at, c)| {
            if at % 3 == 0 {
                c.to_ascii_uppercase()
            } else {
                c
            }
        })
        .collect()
}
