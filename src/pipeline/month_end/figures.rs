//! Figures of a run for the ledger: its breaks, the sums of its data, what is to be accrued.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::engine::fold::display_names::NO_METER;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::Key;
use crate::ledger::accruals::Accrual;
use crate::ledger::amount::of_units;
use crate::ledger::breaks::FoundBreak;
use crate::ledger::record::RunFigures;
use crate::ledger::restatements::{Figure, FigureKey};
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::dataset::Dataset;
use crate::pipeline::intake::readings::Readings;
use crate::pipeline::plan::pipeline_plan::Plan;
use crate::pipeline::publish::variance_tables::cause_name;
use crate::pipeline::reconcile::stages::Reconciled;
use crate::reports::manifest::Input;

/// Figures of a run that was reconciled.
pub(crate) fn of_run(readings: &Readings, found: &Reconciled) -> RunFigures {
    let texts = Texts { found };
    let broken = found
        .variances
        .iter()
        .filter(|variance| variance.status == Status::Break);
    RunFigures {
        breaks: broken.map(|variance| texts.of_break(variance)).collect(),
        figures: sums(&texts, &readings.inputs),
        accruals: accruals(&texts),
        owner: None,
        invoices: Vec::new(),
    }
}

/// Billing period of a run: what was asked for, else the months of its invoices.
pub(crate) fn period_of(plan: &Plan, found: &Reconciled) -> String {
    if let Some(period) = plan.period {
        return period.to_string();
    }
    let texts = Texts { found };
    let months: BTreeSet<String> = found
        .variances
        .iter()
        .map(|variance| texts.billing_period(variance))
        .filter(|month| !month.is_empty())
        .collect();
    match (months.first(), months.last()) {
        (Some(first), Some(last)) if first == last => first.clone(),
        (Some(first), Some(last)) => format!("{first}..{last}"),
        _ => String::new(),
    }
}

/// Texts of the rows of a run.
struct Texts<'r> {
    found: &'r Reconciled,
}

impl Texts<'_> {
    fn key(&self, variance: &Variance, key: Key) -> String {
        let vocabulary = &self.found.totals.vocabulary;
        vocabulary
            .text(key.domain(), variance.sides.keys[key])
            .to_owned()
    }

    fn name(&self, domain: Domain, key: [u32; 3]) -> String {
        let code = self.found.totals.names.code(domain, key);
        self.found.totals.vocabulary.text(domain, code).to_owned()
    }

    fn billing_period(&self, variance: &Variance) -> String {
        let invoice = variance.sides.keys[Key::Invoice];
        let period = self.found.totals.periods.get(&invoice);
        period.map_or_else(String::new, ToString::to_string)
    }

    fn of_break(&self, variance: &Variance) -> FoundBreak {
        let keys = &variance.sides.keys;
        let (_, difference) = variance.sides.compared();
        let break_id = variance.break_id.to_string();
        FoundBreak {
            // Groups of one break differ in a number behind its id.
            break_id: break_id.split('.').next().unwrap_or(&break_id).to_owned(),
            tie_out: variance.sides.tie_out.name().to_owned(),
            billing_period: self.billing_period(variance),
            invoice_number: self.key(variance, Key::Invoice),
            customer_id: self.key(variance, Key::Customer),
            customer_name: self.name(Domain::CustomerName, [keys[Key::Customer], 0, 0]),
            subscription_id: self.key(variance, Key::Subscription),
            product_id: self.key(variance, Key::Product),
            product_name: self.name(Domain::ProductName, [keys[Key::Product], 0, 0]),
            sku_id: self.key(variance, Key::Sku),
            sku_name: self.name(
                Domain::Description,
                [keys[Key::Product], keys[Key::Sku], NO_METER],
            ),
            meter_description: self.key(variance, Key::Description),
            currency: self.key(variance, Key::Currency),
            informs: variance.informs(),
            cause: cause_name(variance).to_owned(),
            amount: of_units(difference),
        }
    }
}

/// Sums of usage and lines by invoice and currency, with the eTags of their exports.
fn sums(texts: &Texts<'_>, inputs: &[Input]) -> BTreeMap<FigureKey, Figure> {
    let mut sums: BTreeMap<FigureKey, Figure> = BTreeMap::new();
    let vocabulary = &texts.found.totals.vocabulary;
    let datasets = [Dataset::Usage, Dataset::InvoiceLines];
    for (dataset, found) in datasets.into_iter().zip(&texts.found.invoice_sums) {
        for ([invoice, currency], sum) in found {
            let key = [
                dataset.name(),
                vocabulary.text(Domain::Invoice, *invoice),
                vocabulary.text(Domain::Currency, *currency),
            ];
            let figure = Figure {
                // Of files, which have none: overwritten below for what was fetched.
                etag: format!("rows-{:016x}", sum.content),
                rows: i64::try_from(sum.rows).expect("fewer rows than 2^63"),
                amount: of_units(sum.amount),
            };
            sums.insert(key.map(str::to_owned), figure);
        }
    }
    for ([dataset, invoice, _], figure) in &mut sums {
        let served = etag(inputs, dataset, invoice);
        if !served.is_empty() {
            figure.etag = served;
        }
    }
    sums
}

/// ETag of an invoice's export; of several the list of them. Empty for files that were given.
fn etag(inputs: &[Input], dataset: &str, invoice: &str) -> String {
    let folder = format!("/{}/", invoice.to_lowercase());
    let of_dataset = || inputs.iter().filter(|input| input.dataset == dataset);
    let named: Vec<&Input> = of_dataset()
        .filter(|input| input.unit.contains(&folder))
        .collect();
    // Files of a fetch lie in a folder of their invoice; others are of all invoices.
    let wanted = if named.is_empty() {
        of_dataset().collect()
    } else {
        named
    };
    let etags: BTreeSet<&str> = wanted
        .iter()
        .filter_map(|input| input.etag.as_deref())
        .collect();
    etags.into_iter().collect::<Vec<_>>().join(" ")
}

/// Accruals by customer and currency: usage of no line, usage that is not billed, and what is to be
/// credited.
fn accruals(texts: &Texts<'_>) -> Vec<Accrual> {
    let mut accruals: BTreeMap<[String; 2], Accrual> = BTreeMap::new();
    for variance in &texts.found.variances {
        let sides = &variance.sides;
        let difference = sides.variance_amount();
        let zero = Decimal::ZERO;
        let [without_line, unbilled, due] = match sides.tie_out {
            TieOut::UsageToInvoice if variance.status == Status::Break => {
                let unbilled_part = -variance.parts.by(Cause::MissingInvoice);
                [
                    of_units(unbilled_part.max(0)),
                    zero,
                    of_units(difference.max(0)),
                ]
            }
            // What no line asks for yet.
            TieOut::UsageToInvoice if variance.status == Status::Awaited => {
                [of_units((-difference).max(0)), zero, zero]
            }
            TieOut::UnbilledToBilled if sides.invoiced_rows == 0 => {
                [zero, of_units(sides.expected_amount), zero]
            }
            _ => continue,
        };
        let key = [
            texts.key(variance, Key::Customer),
            texts.key(variance, Key::Currency),
        ];
        let accrual = accruals.entry(key.clone()).or_insert_with(|| {
            let [customer_id, currency] = key;
            let name = [sides.keys[Key::Customer], 0, 0];
            Accrual {
                customer_id,
                customer_name: texts.name(Domain::CustomerName, name),
                currency,
                usage_without_line: zero,
                unbilled_usage: zero,
                credits_due: zero,
            }
        });
        accrual.usage_without_line += without_line;
        accrual.unbilled_usage += unbilled;
        accrual.credits_due += due;
    }
    let is_of_money = |accrual: &Accrual| {
        !(accrual.usage_without_line.is_zero()
            && accrual.unbilled_usage.is_zero()
            && accrual.credits_due.is_zero())
    };
    accruals.into_values().filter(is_of_money).collect()
}
