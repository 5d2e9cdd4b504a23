//! What Partner Center's other endpoints answer about the synthetic partner: customers,
//! subscriptions, summaries, records, legacy invoices. Written as JSON lines of a key and an item,
//! for the sandbox to serve. Sums are those of the usage rows, so that what ought to agree does.

mod classic;
mod object;
mod records;
mod unbilled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::object::Object;
use self::records::Sums;
use self::unbilled::Unbilled;
use super::SynthError;
use super::partner::{Partner, Plan, iso};
use super::usage::UsageRow;
use super::write::{OutFile, Written, create_folder};

/// Written whenever there is something to serve.
pub(super) struct PartnerCenter {
    files: Files,
    unbilled: Unbilled,
    /// Of the plan at hand.
    plan: Sums,
    /// Classic subscriptions.
    classics: Vec<classic::Classic>,
    planted: bool,
    /// Of each customer, in the order in which they came.
    customers: Vec<records::CustomerSums>,
    by_customer: BTreeMap<String, usize>,
}

/// The files, by kind.
pub(super) struct Files {
    folder: PathBuf,
    open: BTreeMap<&'static str, OutFile>,
}

impl Files {
    pub(super) fn new(out: &Path) -> Result<Self, SynthError> {
        let folder = out.join("partner_center");
        create_folder(&folder)?;
        Ok(Self {
            folder,
            open: BTreeMap::new(),
        })
    }

    /// Appends an item of a kind below a key.
    pub(super) fn put(
        &mut self,
        kind: &'static str,
        key: &str,
        item: &str,
    ) -> Result<(), SynthError> {
        let file = match self.open.entry(kind) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(OutFile::create(self.folder.join(format!("{kind}.jsonl")))?)
            }
        };
        file.put(format!("{{\"key\":\"{key}\",\"item\":{item}}}\n").as_bytes())
    }

    pub(super) fn close(self) -> Result<Written, SynthError> {
        let mut written = Written::default();
        for file in self.open.into_values() {
            written = written.and(Written {
                files: 1,
                bytes: file.close()?,
            });
        }
        Ok(written)
    }
}

impl PartnerCenter {
    pub(super) fn new(out: &Path, partner: &Partner, planted: bool) -> Result<Self, SynthError> {
        let unbilled = Unbilled::new(partner.invoices[0].currency);
        let files = Files::new(out)?;
        let (classics, customers, by_customer) = (Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self {
            files,
            unbilled,
            plan: Sums::default(),
            classics,
            planted,
            customers,
            by_customer,
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

    /// Writes what is known of a plan when its last row is made.
    pub(super) fn end_plan(&mut self, partner: &Partner, plan: &Plan) -> Result<(), SynthError> {
        let sums = std::mem::take(&mut self.plan);
        let customer = &plan.customer;
        let at = *self
            .by_customer
            .entry(customer.id.clone())
            .or_insert_with(|| {
                self.customers.push(records::CustomerSums::new(customer));
                self.customers.len() - 1
            });
        if let Some(of_customer) = self.customers.get_mut(at) {
            of_customer.add(&sums);
        }
        // Planted: the first plan's summary asks for a unit of money more than its records.
        let surplus = i128::from(self.planted && plan.index == 0);
        records::write_plan(&mut self.files, partner, plan, &sums, surplus)
    }

    /// Writes what is known of all of it, and the partner's invoices: the items of `invoices.json`.
    /// The header of the legacy invoice comes back.
    pub(super) fn finish(
        mut self,
        partner: &Partner,
        invoices: &[String],
    ) -> Result<(Written, String), SynthError> {
        for (at, customer) in self.customers.iter().enumerate() {
            records::write_customer(&mut self.files, partner, customer)?;
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
        let legacy = classic::write_legacy(&mut self.files, partner, &self.classics, self.planted)?;
        for invoice in invoices {
            self.files.put("invoices", "", invoice)?;
        }
        self.balances(partner)?;
        Ok((self.files.close()?, legacy))
    }

    /// Balances by currency, and the links to unbilled data.
    fn balances(&mut self, partner: &Partner) -> Result<(), SynthError> {
        for (at, invoice) in partner.invoices.iter().enumerate() {
            let date = format!("{}T00:00:00Z", iso(partner.dates.next + 7));
            let inner = |kind: &str, amount: &str| {
                let summary = Object::new()
                    .raw("balanceAmount", amount)
                    .text("currencyCode", invoice.currency)
                    .text("accountingDate", &date)
                    .text("lastPaymentDate", "0001-01-01T00:00:00")
                    .of_type("InvoiceSummary");
                Object::new()
                    .text("invoiceType", kind)
                    .raw("summary", &summary)
                    .end()
            };
            let details = format!(
                "[{},{}]",
                inner("Recurring", "1204.55"),
                inner("OneTime", "98217.06")
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
                    "/invoices/unbilled/lineitems?provider={provider}&invoicelineitemtype={line_type}&currencycode={currency}&period={}&size=2000",
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
