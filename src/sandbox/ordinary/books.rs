//! The partner as a whole: customers, invoices with their totals, and what can be had on the
//! tenant's day.

use chrono::{Days, NaiveDate};

use super::bill::{
    Bill, CURRENCIES, Content, Currency, EUR_CUSTOMERS, GBP_CUSTOMERS, LICENCE_CUSTOMERS,
    USD_CUSTOMERS, bills, closing_month, month_of, next_month,
};
use super::chance::Chance;
use super::charges::{Book, Charge, book};
use super::classic::{ClassicCharge, OfficeCharge, classic_charges, office_charges};
use super::exact::{Exact, ZERO, sum};
use super::partner::{Customer, PARTNER_ID, Standing, customers};
use super::rated::{Extent, UsageRow, usage_of};
use super::settings::OrdinarySettings;

/// An invoice with its total.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) bill: Bill,
    /// Total of all lines, tax included.
    pub(super) total: Exact,
}

/// The variance that is planted: a line that is short of one row of its usage.
#[derive(Clone, Debug)]
pub struct PlantedVariance {
    /// Id of the invoice.
    pub invoice: String,
    /// Directory id of the customer.
    pub customer: String,
    /// Subscription id of the Azure plan.
    pub subscription: String,
    /// Product and SKU, with a slash between them.
    pub product: String,
    /// Cost of the usage that the line lacks, before tax and unrounded, as text; positive.
    pub missing: String,
    /// Currency of the invoice.
    pub currency: &'static str,
}

/// The partner on the tenant's day.
#[derive(Debug)]
pub(super) struct Partner {
    pub(super) settings: OrdinarySettings,
    pub(super) chance: Chance,
    /// Directory id of the partner.
    pub(super) id: String,
    pub(super) customers: Vec<Customer>,
    /// All invoices, also those that are not out yet.
    posted: Vec<Posted>,
}

impl Partner {
    /// The partner of these settings.
    pub(super) fn new(settings: OrdinarySettings) -> Self {
        let chance = Chance(settings.seed);
        let id = match &settings.partner {
            Some(id) => id.to_ascii_lowercase(),
            None => PARTNER_ID.to_owned(),
        };
        let mut customers = customers(chance, settings.more_customers);
        // All of them stand at the end of the list: the places of the others stay.
        customers.retain(|customer| match customer.standing {
            Standing::Advisor => settings.quirks.has("advisors"),
            Standing::Former => settings.quirks.has("former-customers"),
            Standing::Quiet => settings.quirks.has("quiet-customers"),
            _ => true,
        });
        let mut partner = Self {
            customers,
            posted: Vec::new(),
            settings,
            chance,
            id,
        };
        for bill in bills(chance) {
            let is_left_out = bill.month == closing_month()
                && match bill.content {
                    Content::Classic { .. } => !partner.has("legacy-invoice"),
                    Content::Licences => !partner.has("licence-invoice"),
                    _ => false,
                };
            if is_left_out {
                continue;
            }
            let total = partner.total(&bill);
            partner.posted.push(Posted { bill, total });
        }
        partner
    }

    /// True if the tenant has a quirk.
    pub(super) fn has(&self, quirk: &str) -> bool {
        self.settings.quirks.has(quirk)
    }

    /// The tenant's day, from the settings.
    pub(super) const fn today(&self) -> NaiveDate {
        self.settings.today
    }

    /// Invoices that are out.
    pub(super) fn posted(&self) -> impl Iterator<Item = &Posted> {
        let today = self.today();
        let posted = self.posted.iter();
        posted.filter(move |posted| posted.bill.date() <= today)
    }

    /// An invoice that is out, by its id. The links of a list put the kind before the id.
    pub(super) fn find(&self, id: &str) -> Option<&Posted> {
        let plain = match id.split_once('-') {
            Some((_, plain)) => plain,
            None => id,
        };
        let mut posted = self.posted();
        posted.find(|posted| posted.bill.id.eq_ignore_ascii_case(plain))
    }

    /// A customer by directory id, with its place in the list.
    pub(super) fn customer(&self, id: &str) -> Option<(usize, &Customer)> {
        let mut customers = self.customers.iter().enumerate();
        customers.find(|(_, customer)| customer.id.eq_ignore_ascii_case(id))
    }

    /// Usage and lines of a modern invoice.
    pub(super) fn book(&self, bill: &Bill) -> Book {
        let plants = bill.month == closing_month()
            && bill.content == Content::Mixed
            && bill.currency == &CURRENCIES[0]
            && self.has("planted-variance");
        book(self.chance, &self.customers, bill, plants)
    }

    /// The variance that is planted in the period's invoices, if there is one.
    pub(super) fn planted(&self) -> Option<PlantedVariance> {
        let books = self.posted.iter().map(|posted| &posted.bill);
        let modern = books.filter(|bill| !bill.is_legacy() && bill.month == closing_month());
        let mut books = modern.map(|bill| (bill, self.book(bill)));
        let (bill, book) = books.find(|(_, book)| book.planted != ZERO)?;
        let short = book.charges.first()?;
        Some(PlantedVariance {
            invoice: bill.id.clone(),
            customer: self.customers[short.customer].id.clone(),
            subscription: short.subscription.clone(),
            product: format!("{}/{}", short.product_id, short.sku_id),
            missing: book.planted.text(),
            currency: bill.currency.code,
        })
    }

    /// Money lines of a legacy invoice's classic Azure; none where it has no classic Azure.
    pub(super) fn classic_charges(&self, bill: &Bill) -> Vec<ClassicCharge> {
        match bill.content {
            Content::Classic { azure: true, .. } => {
                classic_charges(self.chance, &self.customers, bill)
            }
            _ => Vec::new(),
        }
    }

    /// Office lines of a legacy invoice; none where it has no Office.
    pub(super) fn office_charges(&self, bill: &Bill) -> Vec<OfficeCharge> {
        match bill.content {
            Content::Classic { office: true, .. } => office_charges(self.chance, bill),
            _ => Vec::new(),
        }
    }

    /// Usage of a modern invoice that the export has today.
    pub(super) fn exported_usage(&self, bill: &Bill) -> Vec<UsageRow> {
        let awaits_late = self.awaits_late_usage(bill);
        let mut rows = self.book(bill).rows;
        rows.retain(|row| !(awaits_late && row.late));
        rows
    }

    /// True if the usage of an invoice will be restated.
    pub(super) fn awaits_late_usage(&self, bill: &Bill) -> bool {
        self.has("late-usage") && bill.extent == Extent::Whole && self.today() < bill.restated()
    }

    /// Usage in a currency that is not billed yet: of this month, or of the last one until its
    /// invoices are out.
    pub(super) fn unbilled_usage(&self, currency: &Currency, last: bool) -> Vec<UsageRow> {
        let mut rows = Vec::new();
        if let Some((month, until)) = self.unbilled(last) {
            for at in usage_customers(currency) {
                for plan in 0..self.customers[at].plans.len() {
                    let customer = (at, &self.customers[at]);
                    rows.extend(usage_of(self.chance, customer, plan, month, Extent::Whole));
                }
            }
            rows.retain(|row| row.day < until);
        }
        rows
    }

    /// Lines in a currency that are not billed yet: licences only (semantics §10).
    pub(super) fn unbilled_charges(&self, currency: &'static Currency, last: bool) -> Vec<Charge> {
        let unbilled = self.unbilled(last).filter(|_| currency.code == "EUR");
        let Some((month, _)) = unbilled else {
            return Vec::new();
        };
        let bill = Bill {
            id: String::new(),
            month,
            currency,
            content: Content::Licences,
            extent: Extent::Whole,
            customers: LICENCE_CUSTOMERS,
        };
        self.book(&bill).charges
    }

    /// Usage of one plan in this month up to yesterday: what estimates are made of.
    pub(super) fn usage_to_date(&self, at: usize, plan: usize) -> Vec<UsageRow> {
        let customer = &self.customers[at];
        if !customer.uses_azure() {
            return Vec::new();
        }
        let month = month_of(self.today());
        let rows = usage_of(self.chance, (at, customer), plan, month, Extent::Whole);
        rows.into_iter()
            .filter(|row| row.day < self.today())
            .collect()
    }

    /// First day of the running month, or of the last one.
    pub(super) fn unbilled_month(&self, last: bool) -> NaiveDate {
        let this = month_of(self.today());
        if last {
            month_of(this - Days::new(1))
        } else {
            this
        }
    }

    /// The unbilled month and the day before which its usage is known; nothing for a month that is
    /// billed.
    fn unbilled(&self, last: bool) -> Option<(NaiveDate, NaiveDate)> {
        let this = month_of(self.today());
        if !last {
            return Some((this, self.today()));
        }
        let month = self.unbilled_month(true);
        // The 6th, as in `Bill::date`.
        let billed = self.today() >= next_month(month) + Days::new(5);
        (!billed || self.has("no-unbilled-pause")).then_some((month, this))
    }

    fn total(&self, bill: &Bill) -> Exact {
        if !bill.is_legacy() {
            return self.book(bill).total();
        }
        let azure = self.classic_charges(bill);
        let office = self.office_charges(bill);
        let azure = sum(azure.iter().map(|line| line.pretax.plus(line.tax)));
        azure.plus(sum(office.iter().map(|line| line.amount.plus(line.tax))))
    }
}

/// A currency by its code, in any case.
pub(super) fn currency(code: &str) -> Option<&'static Currency> {
    let mut currencies = CURRENCIES.iter();
    currencies.find(|currency| currency.code.eq_ignore_ascii_case(code))
}

/// The currency in which a customer's usage is billed.
pub(super) fn currency_of(customer: usize) -> &'static Currency {
    let ranges = [EUR_CUSTOMERS, USD_CUSTOMERS, GBP_CUSTOMERS];
    let found = ranges.iter().position(|range| range.contains(&customer));
    // Customers without Azure plans are billed where the partner is.
    &CURRENCIES[found.map_or(0, |at| at)]
}

fn usage_customers(currency: &Currency) -> std::ops::Range<usize> {
    match currency.code {
        "EUR" => EUR_CUSTOMERS,
        "USD" => USD_CUSTOMERS,
        "GBP" => GBP_CUSTOMERS,
        _ => 0..0,
    }
}
