//! Partner Center v1: pages of a collection, camelCase, with a token to the next page. Numbers come
//! as numbers and as text, unset values are left out, and some pages begin with a BOM ([resources
//! §A](crate::model::domain::resources), [endpoints §6](crate::model::domain::endpoints)).

use super::file::{OutFile, Written};
use super::sink::{Sink, Target};
use super::spelling::{JsonForm, push_json_text};
use crate::model::dataset::{Dataset, position};
use crate::model::period::parse_day;
use crate::synth::partner::iso;
use crate::synth::request::SynthError;

/// Number of items of a full page, the largest that v1 serves.
const ITEMS_PER_PAGE: u64 = 2_000;
const CHARGE_END: usize = position(crate::model::dataset::USAGE, "ChargeEndDate");
const EARNED: usize = position(
    crate::model::dataset::USAGE,
    "PartnerEarnedCreditPercentage",
);

/// v1's name of a column; `None` where v1 has no such field.
fn v1_name(column: &str) -> Option<String> {
    Some(match column {
        "BenefitOrderId" | "BenefitId" | "BenefitType" | "ProductCategory" => return None,
        "Unit" => "unitOfMeasure".to_owned(),
        "ResourceURI" => "resourceUri".to_owned(),
        "Tier2MpnId" => "resellerMpnId".to_owned(),
        "PartnerEarnedCreditPercentage" => "rateOfPartnerEarnedCredit".to_owned(),
        "CreditPercentage" => "rateOfCredit".to_owned(),
        "Total" => "totalForCustomer".to_owned(),
        other => match other.strip_prefix("PC") {
            // An abbreviation is lowered as a whole: `pcToBCExchangeRate`.
            Some(rest) => format!("pc{rest}"),
            None => other[..1].to_lowercase() + &other[1..],
        },
    })
}

/// Writer of rows as items of a page.
pub(in crate::synth) struct PageItem {
    dataset: Dataset,
    /// Name and form of each column, parallel to the dataset's; `None` for columns that v1 lacks.
    keys: Vec<Option<(String, JsonForm)>>,
    rows: u64,
}

/// Sink into a sequence of pages.
pub(super) struct Pages {
    target: Target,
    item: PageItem,
    items: String,
    count: u64,
    written: Written,
}

impl Pages {
    /// No page is made before it is full, or the end.
    pub(super) fn new(target: Target) -> Self {
        let item = PageItem::new(target.dataset);
        Self {
            target,
            item,
            items: String::new(),
            count: 0,
            written: Written::default(),
        }
    }

    /// Writes the items at hand as a page.
    fn page(&mut self, last: bool) -> Result<(), SynthError> {
        let number = self.written.files + 1;
        let (uri, token) = (
            self.uri(),
            format!("{},{number:08}/a4ayc+80=", self.target.export_id),
        );
        let head = if last {
            String::new()
        } else {
            format!("\"continuationToken\":\"{token}\",")
        };
        let next = next_link(&uri, &token, number);
        // On some pages only, as a BOM is not always there: model::domain::endpoints §3.
        let bom = if number.is_multiple_of(3) {
            "\u{feff}"
        } else {
            ""
        };
        let mut file = OutFile::create(self.target.folder.join(format!("page-{number:05}.json")))?;
        // `totalCount` counts the page, not the collection: model::domain::endpoints §6.
        file.put(format!("{bom}{{{head}\"totalCount\":{},\"items\":[", self.count).as_bytes())?;
        file.put(self.items.as_bytes())?;
        let tail = format!(
            "],\"links\":{{\"self\":{{\"uri\":\"{uri}\",\"method\":\"GET\",\"headers\":[]}}{}}},\
             \"attributes\":{{\"objectType\":\"Collection\"}}}}",
            if last { "" } else { &next }
        );
        file.put(tail.as_bytes())?;
        self.written = self.written.and(Written {
            files: 1,
            bytes: file.close()?,
        });
        self.items.clear();
        self.count = 0;
        Ok(())
    }

    /// Path of the collection, as `links` names it.
    fn uri(&self) -> String {
        let (provider, kind) = match self.target.dataset {
            Dataset::Usage => ("onetime", "usagelineitems"),
            _ => ("OneTime", "BillingLineItems"),
        };
        format!(
            "/invoices/{}/lineitems?provider={provider}&invoicelineitemtype={kind}&size=2000",
            self.target.invoice_number
        )
    }
}

impl PageItem {
    /// Writer of the items of a dataset.
    pub(super) fn new(dataset: Dataset) -> Self {
        let columns = dataset.columns().iter();
        let keys = columns
            .map(|column| v1_name(column.name).map(|name| (name, JsonForm::of(column))))
            .collect();
        Self {
            dataset,
            keys,
            rows: 0,
        }
    }

    /// Appends a number, in quotes wherever row and column number add up to a multiple of three.
    fn number(&self, out: &mut String, at: usize, cell: &str) {
        // The same field is a number in one item and text in the next.
        let quote = if (self.rows + at as u64).is_multiple_of(3) {
            "\""
        } else {
            ""
        };
        out.push_str(quote);
        out.push_str(cell);
        out.push_str(quote);
    }

    /// Appends a row as an item.
    pub(super) fn push(&mut self, out: &mut String, cells: &[&str]) {
        let usage = self.dataset == Dataset::Usage;
        self.rows += 1;
        out.push('{');
        for (at, (key, cell)) in self.keys.iter().zip(cells).enumerate() {
            let Some((name, form)) = key else { continue };
            let cell = if name.starts_with("rateOf") {
                fraction(cell)
            } else {
                cell
            };
            if cell.is_empty() && *form != JsonForm::Text {
                continue;
            }
            out.push('"');
            out.push_str(name);
            out.push_str("\":");
            match form {
                JsonForm::Text => push_json_text(out, cell),
                JsonForm::Number | JsonForm::TextNumber => self.number(out, at, cell),
                // The end of the charge cycle is exclusive here: model::domain::semantics §9.
                JsonForm::Date if usage && at == CHARGE_END => push_instant(out, &day_after(cell)),
                JsonForm::Date => push_instant(out, cell),
            }
            // A comma after every member, as `attributes` always follows.
            out.push(',');
        }
        if usage {
            let has = !cells[EARNED].is_empty();
            out.push_str(&format!("\"hasPartnerEarnedCredit\":{has},"));
        }
        out.push_str(match self.dataset {
            Dataset::Usage => {
                "\"invoiceLineItemType\":\"usage_line_items\",\"billingProvider\":\"marketplace\",\
                 \"attributes\":{\"objectType\":\"DailyRatedUsageLineItem\"}}"
            }
            _ => {
                "\"discountDetails\":\"\",\"invoiceLineItemType\":\"billing_line_items\",\
                 \"billingProvider\":\"one_time\",\
                 \"attributes\":{\"objectType\":\"OneTimeInvoiceLineItem\"}}"
            }
        });
    }
}

impl Sink for Pages {
    fn row(&mut self, cells: &[&str]) -> Result<(), SynthError> {
        if self.count == ITEMS_PER_PAGE {
            self.page(false)?;
        }
        if self.count > 0 {
            self.items.push(',');
        }
        self.count += 1;
        self.item.push(&mut self.items, cells);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SynthError> {
        self.page(true)?;
        Ok(self.written)
    }
}

/// Percentage as v1 sends it: a fraction.
fn fraction(percentage: &str) -> &str {
    // 0 where CSV leaves the cell empty: model::domain::quirks, daily rated usage 11.
    if percentage == "15" { "0.15" } else { "0" }
}

/// Appends an ISO day as midnight UTC.
fn push_instant(out: &mut String, day: &str) {
    push_json_text(out, &format!("{day}T00:00:00Z"));
}

fn day_after(day: &str) -> String {
    match parse_day(day.as_bytes()) {
        Ok(Some(day)) => iso(day + 1),
        _ => unreachable!("the charge cycle of a usage row ends on a day"),
    }
}

/// Link to the next page, malformed in one of two ways, as in published answers.
fn next_link(uri: &str, token: &str, number: u64) -> String {
    // Both faults are in published samples: a client must build the next URL itself
    // (model::domain::endpoints §6).
    let uri = if number.is_multiple_of(2) {
        format!("{uri}?seekOperation=Next")
    } else {
        format!("{}&seekOperation=Next", uri.replace("&invoice", "&nvoice"))
    };
    format!(
        ",\"next\":{{\"uri\":\"{uri}\",\"method\":\"GET\",\
         \"headers\":[{{\"key\":\"MS-ContinuationToken\",\"value\":\"{token}\"}}]}}"
    )
}
