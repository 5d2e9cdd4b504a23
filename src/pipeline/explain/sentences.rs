//! The sentences of an explanation: first both sides, then each cause, for a reader who knows nothing
//! of tieout. A number is told only where the rows come to the part that it explains.

use std::cmp::Reverse;

use super::cause_sentences::sentence_of;
use super::facts::SideFacts;
use super::phrases::{days, named, number_of, only, units_of};
use super::story::Story;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::decimal::{PRICE_SCALE, plain};

impl Story<'_> {
    /// The sentences, in their order.
    pub(super) fn tell(&self) -> Vec<String> {
        let mut told = vec![self.opening()];
        let mut parts: Vec<(Cause, i128)> = self
            .parts
            .iter()
            .filter_map(|(name, amount)| {
                let mut causes = Cause::ALL.into_iter();
                let cause = causes.find(|cause| cause.name() == *name)?;
                Some((cause, units_of(amount)))
            })
            .collect();
        // The largest first; rounding is beside the point.
        parts.sort_by_key(|(cause, part)| (*cause == Cause::Rounding, Reverse(part.abs())));
        let sentences = parts.into_iter();
        told.extend(sentences.map(|(cause, part)| sentence_of(self, cause, part)));
        if let Some(counterpart) = &self.counterpart {
            told.push(format!(
                "Break {counterpart} has the same quantity or amount on the other side: it may be \
                 the other half of this one, under another SKU or meter."
            ));
        }
        if self.status == Status::Awaited.name() {
            told.push("One side is not complete yet: its data can still come.".to_owned());
        }
        told
    }

    fn opening(&self) -> String {
        match self.tie_out {
            TieOut::UsageToInvoice => self.usage_and_lines(),
            TieOut::LinesToInvoice => self.header_and_lines(),
            TieOut::LineArithmetic => self.lines_and_their_numbers(),
            TieOut::RateCard => self.two_figures("By the rate card", "the invoice's lines charge"),
            TieOut::RecordsToSummary => {
                self.two_figures("The usage records come to", "their summary says")
            }
            TieOut::UnbilledToBilled => self.two_figures(
                "Before the invoice the usage came to",
                "the billed usage comes to",
            ),
            TieOut::UsageToSummary => {
                self.two_figures("The daily usage comes to", "the usage summary says")
            }
            TieOut::UtilizationToUsage => self.two_figures(
                "The utilization records come to",
                "the invoice's usage says",
            ),
        }
    }

    /// Both published figures, in money or in units.
    fn two_figures(&self, expected: &str, invoiced: &str) -> String {
        let [left, right] = self.figures.map(|figure| self.signed(figure));
        let of = match self.name {
            "" => String::new(),
            name => format!(" of {}", named(name)),
        };
        format!("{expected} {left}{of}; {invoiced} {right}.")
    }

    fn usage_and_lines(&self) -> String {
        let [used, charged] = self.facts;
        let [used_sum, charged_sum] = self.figures.map(|figure| self.signed(figure));
        let span = |facts: &SideFacts, word: &str| match facts.span().map(days) {
            Some(span) if !span.is_empty() => format!(" {word} {span}"),
            _ => String::new(),
        };
        let what = self.what();
        let price = match (only(&charged.prices), only(&charged.pricing_currencies)) {
            (Some(price), currency) => {
                let price = plain(price.abs(), PRICE_SCALE);
                format!(" at {price} {}", currency.map_or("", String::as_str))
            }
            (None, _) => String::new(),
        };
        let verb = match charged.sum.quantity < 0 {
            true => "credits",
            false => "charges",
        };
        let charges = format!(
            "{} {verb} {} of {what}{}{} ({charged_sum})",
            self.invoice(),
            self.amount_of(charged.sum.quantity),
            price.trim_end(),
            span(charged, "for")
        );
        let usage = format!(
            "{}{} ({used_sum})",
            self.amount_of(used.sum.quantity),
            span(used, "on")
        );
        match self.rows {
            _ if self.status == Status::OutOfScope.name() => {
                format!("{charges}; no usage record stands behind such a charge.")
            }
            [0, _] => format!("{charges}; no usage record on this invoice stands behind it."),
            [_, 0] => format!(
                "The usage records show {} of {what}{} ({used_sum}); no line of {} charges it.",
                self.amount_of(used.sum.quantity),
                span(used, "on"),
                match self.invoice {
                    "" => "an invoice".to_owned(),
                    number => format!("invoice {number}"),
                }
            ),
            _ => format!("{charges}; the usage records show {usage}."),
        }
    }

    fn header_and_lines(&self) -> String {
        let [lines, header] = self.figures.map(|figure| self.signed(figure));
        match self.rows {
            [0, _] => format!("{} asks for {header} and has no lines.", self.invoice()),
            [_, 0] => format!(
                "The lines of {} come to {lines}; it has no header.",
                self.invoice
            ),
            [count, _] => format!(
                "{} asks for {header} in its header; its {} to {lines}.",
                self.invoice(),
                match count {
                    1 => "line comes".to_owned(),
                    count => format!("{count} lines come"),
                }
            ),
        }
    }

    fn lines_and_their_numbers(&self) -> String {
        let [expected, invoiced] = self.figures.map(|figure| self.signed(figure));
        let [_, count] = self.rows;
        let verb = if count == 1 { "asks" } else { "ask" };
        format!(
            "On invoice {}, {} of {} {verb} for {invoiced}; price, quantity and exchange rate come \
             to {expected}.",
            self.invoice,
            number_of(count, "line"),
            self.what()
        )
    }
}
