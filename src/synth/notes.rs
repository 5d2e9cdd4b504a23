//! Notes inside the JSON of an invoice: an adjustment that no line has, and one that voids an invoice
//! as a whole ([semantics §8](crate::model::domain::semantics)).
//!
//! The voided invoice is one of licences only, so that no usage stands behind it. It keeps its lines,
//! and the note takes them back by lines of its own, under its own number.

use std::rc::Rc;

use super::invoices::Note;
use super::partner::{Invoice, Partner, next_number};
use super::random::Random;
use super::truth::{Parts, Truth, add, cents};
use crate::model::cause::{Cause, TieOut};

/// Notes of a partner.
pub(super) struct Notes {
    /// Amount that an adjustment takes off the invoice in dollars, in cents, positive.
    adjustment: i128,
    adjustment_id: String,
    /// Invoice that is voided.
    pub(super) voided: Rc<Invoice>,
    /// Note that voids it.
    pub(super) void_note: Rc<Invoice>,
}

impl Notes {
    /// Notes of a partner of a seed.
    pub(super) fn of(partner: &Partner) -> Self {
        let mut random = Random::of(partner.month_seed, &[23]);
        let mut free = partner.free_number;
        let mut number = || next_number(&mut free, &mut random);
        let [voided, adjustment_id, void_note] = [number(), number(), number()];
        let invoice = |number: String| {
            let first = Invoice::clone(&partner.invoices[0]);
            Rc::new(Invoice { number, ..first })
        };
        Self {
            adjustment: i128::from(1_100 + random.below(4_000)),
            adjustment_id,
            voided: invoice(voided),
            void_note: invoice(void_note),
        }
    }

    /// The voided invoice and its note, which have lines like any invoice.
    pub(super) fn invoices(&self) -> [&Invoice; 2] {
        [&self.voided, &self.void_note]
    }

    /// Note of the adjusted invoice.
    pub(super) fn adjusting(&self) -> Note<'_> {
        Note {
            id: &self.adjustment_id,
            kind: "adjustment_note",
            total: -self.adjustment,
        }
    }

    /// Note of the voided invoice; `total` is that of the note's lines in cents, negative.
    pub(super) fn voiding(&self, total: i128) -> Note<'_> {
        Note {
            id: &self.void_note.number,
            kind: "void_note",
            total,
        }
    }

    /// Truth of the adjusted header; `lines` is the total of its lines in cents.
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
