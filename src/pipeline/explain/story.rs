//! All that the sentences about a group are made of, and the words that several of them share.

use super::facts::SideFacts;
use super::phrases::{exact_money, money, named, only, quantity, units_of};
use crate::model::cause::TieOut;
use crate::model::period::Period;

/// Group of the same keys on another invoice, whose usage its own lines bill.
pub(super) struct OtherInvoice {
    /// Number of the invoice.
    pub(super) number: String,
    /// Its month, where it is known.
    pub(super) period: Option<Period>,
}

/// All that the sentences about a group are made of.
pub(super) struct Story<'s> {
    pub(super) tie_out: TieOut,
    pub(super) status: &'s str,
    pub(super) invoice: &'s str,
    pub(super) currency: &'s str,
    /// Name of what is charged; empty for that of the rows.
    pub(super) name: &'s str,
    /// Expected and invoiced figures, as published.
    pub(super) figures: [&'s str; 2],
    /// Numbers of expected and of invoiced rows.
    pub(super) rows: [u64; 2],
    /// Cause and published amount of each part that is not zero.
    pub(super) parts: &'s [(&'static str, String)],
    /// Facts of the expected and the invoiced rows.
    pub(super) facts: [&'s SideFacts; 2],
    /// Month of the invoice.
    pub(super) period: Option<Period>,
    /// Billed less used quantity, in units of 10^-20; `None` where nobody looked.
    pub(super) quantity_delta: Option<i128>,
    pub(super) other_invoice: Option<OtherInvoice>,
    /// Id of the one-sided break that is the other half.
    pub(super) counterpart: Option<String>,
    /// True if the unexplained part is what the lines' own numbers do not give.
    pub(super) is_off_arithmetic: bool,
}

impl Story<'_> {
    /// Name of what is charged, set apart.
    pub(super) fn what(&self) -> String {
        let of_rows = self.facts.iter().rev().find_map(|facts| only(&facts.names));
        match (self.name, of_rows) {
            ("", None) => "the product".to_owned(),
            ("", Some(name)) => named(name),
            (name, _) => named(name),
        }
    }

    /// A quantity in the unit of the usage, or of the lines.
    pub(super) fn amount_of(&self, units: i128) -> String {
        let [used, charged] = self.facts;
        let unit = match only(&used.units) {
            Some(_) => &used.units,
            None => &charged.units,
        };
        quantity(units, unit)
    }

    /// The size of an amount of 10 decimals in the currency of the invoice.
    pub(super) fn money(&self, amount: i128) -> String {
        money(amount, self.currency)
    }

    /// The size of an amount of 20 decimals in the currency of the invoice.
    pub(super) fn exact(&self, amount: i128) -> String {
        exact_money(amount, self.currency)
    }

    /// Number of the invoice behind a word for it.
    pub(super) fn invoice(&self) -> String {
        match self.invoice {
            "" => "The invoice".to_owned(),
            number => format!("Invoice {number}"),
        }
    }

    /// A published figure with its sign.
    pub(super) fn signed(&self, figure: &str) -> String {
        let sign = if figure.starts_with('-') { "-" } else { "" };
        format!("{sign}{}", self.money(units_of(figure)))
    }
}
