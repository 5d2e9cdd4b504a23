//! Answers of Partner Center's other endpoints about the synthetic partner: customers,
//! subscriptions, summaries, records, legacy invoices. Written as JSON lines of a key and an item,
//! for the sandbox to serve. Sums are those of the usage rows, so that what ought to agree does.

mod classic;
mod files;
mod object;
mod records;
mod sheets;
mod unbilled;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use self::files::Files;
use self::object::Object;
use self::records::PlanSums;
use self::unbilled::Unbilled;
use super::catalogue::Meter;
use super::partner::{Partner, Plan, iso};
use super::request::SynthError;
use super::usage::UsageRow;
use super::write::Written;

/// Sums and files of the answers. They see every row and line that is written, and learn when a
/// plan is complete.
pub(super) struct PartnerCenter {
    files: Files,
    unbilled: Unbilled,
    /// Sums of the plan at hand.
    plan: PlanSums,
    /// Classic subscriptions that are written, for the lines of the legacy invoice.
    classics: Vec<classic::Classic>,
    /// True if variances are planted.
    planted: bool,
    /// Sums of each customer, in the order in which they came.
    customers: Vec<records::CustomerSums>,
    /// Positions in `customers` by customer id.
    by_customer: BTreeMap<String, usize>,
    /// Meters that were used, by their rank.
    meters: BTreeMap<u64, Rc<Meter>>,
}

impl PartnerCenter {
    /// Answers about a partner, below the folder `out`.
    pub(super) fn new(out: &Path, partner: &Partner, planted: bool) -> Result<Self, SynthError> {
        let unbilled = Unbilled::new(partner.invoices[0].currency);
        let files = Files::new(out)?;
        let (classics, customers, by_customer) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self {
            files,
            unbilled,
            plan: PlanSums::default(),
            classics,
            planted,
            customers,
            by_customer,
            meters: BTreeMap::new(),
        })
    }

    /// Counts a usage row of the plan at hand.
    pub(super) fn row(&mut self, row: &UsageRow) {
        self.plan.add(row);
    }

    /// Takes a usage row as it is written.
    pub(super) fn usage_cells(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        self.unbilled.usage(&mut self.files, cells)
    }

    /// Takes a line as it is written.
    pub(super) fn line_cells(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        self.unbilled.line(&mut self.files, cells)
    }

    /// Writes the answers about a plan, whose last row is made.
    pub(super) fn end_plan(&mut self, partner: &Partner, plan: &Plan) -> Result<(), SynthError> {
        let sums = std::mem::take(&mut self.plan);
        let customer = &plan.customer;
        // The plan that fills up to the row belongs to the first customer, long after its other
        // plans.
        let at = *self
            .by_customer
            .entry(customer.id.clone())
            .or_insert_with(|| {
                self.customers.push(records::CustomerSums::new(customer));
                self.customers.len() - 1
            });
        self.customers[at].add(&sums);
        self.meters.extend(sums.meters());
        // Planted: the first plan's summary has one unit of money more than its records.
        let surplus = i128::from(self.planted && plan.index == 0);
        records::write_plan(&mut self.files, partner, plan, &sums, surplus)
    }

    /// Writes the answers about customers and the partner, and its invoices: the items of
    /// `invoices.json`. Comes back with what was written, and the header of the legacy invoice.
    pub(super) fn finish(
        mut self,
        partner: &Partner,
        invoices: &[String],
    ) -> Result<(Written, String), SynthError> {
        for (at, customer) in self.customers.iter().enumerate() {
            records::write_customer(&mut self.files, partner, customer)?;
            // Every fifth customer has a classic subscription beside its plans.
            if at % 5 == 0 {
                self.classics.push(classic::write_subscription(
                    &mut self.files,
                    partner,
                    &customer.customer,
                    at,
                )?);
            }
        }
        records::write_partner(&mut self.files, partner, &self.customers)?;
        classic::write_rate_cards(&mut self.files, partner)?;
        // After the subscriptions, whose utilization the lines of the legacy invoice charge.
        let legacy = classic::write_legacy(&mut self.files, partner, &self.classics, self.planted)?;
        for invoice in invoices {
            self.files.put("invoices", "", invoice)?;
        }
        self.balances(partner)?;
        sheets::write_rates(&mut self.files, partner)?;
        sheets::write_prices(&mut self.files, &self.meters)?;
        Ok((self.files.close()?, legacy))
    }

    /// Writes balances by currency, and the links to unbilled data.
    fn balances(&mut self, partner: &Partner) -> Result<(), SynthError> {
        for (at, invoice) in partner.invoices.iter().enumerate() {
            let date = format!("{}T00:00:00Z", iso(partner.dates.next + 7));
            let detail = |kind, amount| balance_detail(invoice.currency, &date, kind, amount);
            // Constant amounts: no tie-out reads balances.
            let details = format!(
                "[{},{}]",
                detail("Recurring", "1204.55"),
                detail("OneTime", "98217.06")
            );
            let item = Object::new()
                .raw("balanceAmount", "99421.61")
                .text("currencyCode", invoice.currency)
                .text(
                    "currencySymbol",
                    if invoice.currency == "EUR" {
                        "€"
                    } else {
                        "$"
                    },
                )
                .text("accountingDate", &date)
                .text("firstInvoiceCreationDate", "2019-01-21T00:00:00Z")
                // The sentinel for a date that is not set: model::domain::resources §A, point 4.
                .text("lastPaymentDate", "0001-01-01T00:00:00")
                .raw("lastPaymentAmount", "0")
                .text("latestInvoiceDate", &date)
                .raw("details", &details)
                .of_type("InvoiceSummary");
            self.files.put("invoice_summaries", "", &item)?;
            if at == 0 {
                self.files.put("invoice_summary", "", &item)?;
            }
            self.estimate_links(invoice.currency)?;
        }
        Ok(())
    }

    fn estimate_links(&mut self, currency: &str) -> Result<(), SynthError> {
        for (kind, line_type, provider) in [
            ("daily_rated_usage", "usagelineitems", "onetime"),
            ("non_consumption", "billinglineitems", "all"),
        ] {
            for period in ["Current", "Previous"] {
                let uri = format!(
                    "/invoices/unbilled/lineitems?provider={provider}\
                     &invoicelineitemtype={line_type}&currencycode={currency}&period={}&size=2000",
                    period.to_lowercase()
                );
                let link = Object::new()
                    .text("uri", &uri)
                    .text("method", "GET")
                    .raw("headers", "[]")
                    .end();
                let item = Object::new()
                    .text("type", kind)
                    .text("title", "Estimates that are not billed yet")
                    .text("description", "Synthetic")
                    .text("period", period)
                    .raw("link", &link)
                    .end();
                self.files.put("estimate_links", currency, &item)?;
            }
        }
        Ok(())
    }
}

/// Part of a balance that one type of invoice has.
fn balance_detail(currency: &str, date: &str, kind: &str, amount: &str) -> String {
    let summary = Object::new()
        .raw("balanceAmount", amount)
        .text("currencyCode", currency)
        .text("accountingDate", date)
        .text("lastPaymentDate", "0001-01-01T00:00:00")
        .of_type("InvoiceSummary");
    Object::new()
        .text("invoiceType", kind)
        .raw("summary", &summary)
        .end()
}
