//! Notes inside the JSON of an invoice: an adjustment that no line has, and an invoice that is
//! voided as a whole ([semantics §8](crate::model::domain::semantics)).

use super::partner::Partner;
use super::random::Random;
use super::truth::{Parts, Truth, add, cents};
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::fixed;

/// Notes of a partner. Amounts are in cents.
pub(super) struct Notes {
    /// What an adjustment takes off the second invoice, positive.
    pub(super) adjustment: i128,
    /// Total of the invoice that is voided.
    pub(super) voided: i128,
    /// Number of the invoice that is voided. It has no lines.
    pub(super) voided_number: String,
    /// Ids of the two notes.
    ids: [String; 2],
}

impl Notes {
    /// Notes of a partner of a seed.
    pub(super) fn of(partner: &Partner) -> Self {
        let mut random = Random::of(partner.seed, &[23]);
        let mut number = || format!("G0{}", random.digits(8));
        let (voided_number, ids) = (number(), [number(), number()]);
        Self {
            adjustment: i128::from(1_100 + random.below(4_000)),
            voided: i128::from(10_000 + random.below(90_000)),
            voided_number,
            ids,
        }
    }

    /// Member `amendments` of the adjusted invoice, with a comma behind it.
    pub(super) fn adjusting(&self, invoice: &str, currency: &str) -> String {
        let [id, _] = &self.ids;
        member(id, "adjustment_note", invoice, -self.adjustment, currency)
    }

    /// Member `amendments` of the voided invoice, with a comma behind it.
    pub(super) fn voiding(&self, currency: &str) -> String {
        let [_, id] = &self.ids;
        member(id, "void_note", &self.voided_number, -self.voided, currency)
    }

    /// Truth of the adjusted header; `lines` is the total of its lines in cents. The voided invoice
    /// has none, as nothing is left of it.
    pub(super) fn truth(&self, partner: &Partner, lines: i128) -> Truth {
        let [_, invoice] = &partner.invoices;
        let mut parts = Parts::default();
        add(&mut parts, Cause::Credit, -cents(self.adjustment));
        Truth {
            causes: vec![Cause::Credit],
            expected: cents(lines),
            invoiced: cents(lines - self.adjustment),
            parts,
            ..Truth::of_invoice(invoice, TieOut::LinesToInvoice)
        }
    }
}

fn member(id: &str, kind: &str, invoice: &str, total: i128, currency: &str) -> String {
    format!(
        "\"amendments\":[{{\"id\":\"{id}\",\"totalCharges\":{},\"paidAmount\":0.00,\
         \"currencyCode\":\"{currency}\",\"amendsOf\":\"{invoice}\",\
         \"documentType\":\"{kind}\",\"invoiceType\":\"OneTime\",\
         \"attributes\":{{\"objectType\":\"Invoice\"}}}}],",
        fixed(total, 2)
    )
}
