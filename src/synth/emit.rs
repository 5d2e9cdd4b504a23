//! The walk over the partner: plan by plan, meter by meter, resource by resource. Memory holds the
//! windows in which rows lose their order, the sums of one group, and the few planted truths.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::carried::Carried;
use super::catalogue::{METERS, Meter, catalogue};
use super::course::{Course, Made, PlantedGroup};
use super::elsewhere::{COUNT, Elsewhere, SEATS, elsewhere};
use super::layout::{Earning, Group, groups};
use super::notes::Notes;
use super::output::Output;
use super::partner::{Customer, Invoice, Partner, Plan};
use super::planting::{Change, Order, Planting, duplicates, is_copied, is_late};
use super::random::{Random, Weights};
use super::request::{Request, SynthError};
use super::settle::{Settled, Settlement, Tally};
use super::strays::stray;
use super::truth::{Truth, cents, published_pieces};
use super::usage::{Rated, Series, UsageRow};
use crate::model::cause::{Cause, TieOut};

/// Number of days at the start of the month on which a granting meter is free.
const GRANT_DAYS: u64 = 5;
/// A resource has at most this many rows a day under one meter.
const ROWS_PER_DAY: u64 = 40;

/// Makes everything that a request asks for; `course` is `None` where the partner has but one month.
pub(super) fn emit(request: &Request, course: Option<&Course>) -> Result<Made, SynthError> {
    // Planted duplicates come on top of what is laid out: room is kept for them, and one last plan
    // fills up to the row that was asked for.
    let reserve = if request.planted {
        request.rows / 50
    } else {
        0
    };
    let month = course.map(|course| &course.month);
    let partner = Partner::new(request.seed, request.period, request.rows - reserve, month);
    let meters: Vec<Rc<Meter>> = catalogue(request.seed).into_iter().map(Rc::new).collect();
    let popularity = Weights::zipf(METERS, 2);
    // All plans are known before the first row is made, as plants are spread over all of them.
    let (mut plans, last_plan) = plans(&partner);
    let mut planting = if request.planted {
        let order = order(course, last_plan);
        Planting::choose(&partner, &plans, &meters, &popularity, request.rows, &order)
    } else {
        Planting::default()
    };
    // A surplus beyond the reserve leaves nothing to fill up.
    let filler = (reserve.cast_signed() - planting.surplus)
        .max(0)
        .cast_unsigned();
    let has_second = planting.has_second_invoices();
    let customer = last_customer(&partner, has_second);
    plans.push(partner.plan(&customer, last_plan, filler));
    // Only now, as a later version of a month has no other filler than the first.
    planting.edit(course.map_or(&[], |course| &course.edits));

    let notes = (planting.wanted > 0).then(|| Notes::of(&partner));
    let mut emitter = Emitter {
        partner: &partner,
        meters: &meters,
        planting: &planting,
        carried: course.map_or(&[], |course| &course.carried),
        planted: Vec::new(),
        mended: Vec::new(),
        output: Output::open(request, &partner, notes.as_ref(), course.is_some())?,
    };
    let plans: Vec<Rc<Plan>> = plans.into_iter().map(Rc::new).collect();
    emitter.all(&plans, &popularity, notes.as_ref())?;
    let invoices = partner.all_invoices();
    let voided = notes.iter().flat_map(Notes::invoices);
    let currencies = invoices.chain(voided);
    let currencies = currencies.map(|invoice| (invoice.number.clone(), invoice.currency));
    let currencies = currencies.collect();
    let (planted, mended) = (emitter.planted, emitter.mended);
    let finished = emitter.output.finish(planting.wanted > 0)?;
    Ok(Made {
        report: finished.report,
        truths: finished.truths,
        contents: finished.contents,
        planted,
        mended,
        has_second,
        customers: customers(&plans),
        currencies,
    })
}

/// Order of the plants in a month of several.
fn order(course: Option<&Course>, last_plan: usize) -> Order {
    let Some(course) = course else {
        return Order {
            last_plan,
            ..Order::default()
        };
    };
    let taken = course.carried.iter();
    Order {
        first: course.first,
        taken: taken.map(|it| (it.plan, it.product)).collect(),
        last_plan,
    }
}

/// Ids and names of the customers of some plans, each once.
fn customers(plans: &[Rc<Plan>]) -> Vec<(String, String)> {
    let all = plans.iter().map(|plan| &plan.customer);
    let names: BTreeMap<_, _> = all
        .map(|customer| (customer.id.clone(), customer.name.clone()))
        .collect();
    names.into_iter().collect()
}

/// Customer of the last plan: the first one, billed on the second invoice of its currency where
/// there is one, as a real one has usage of its own.
fn last_customer(partner: &Partner, has_second_invoices: bool) -> Rc<Customer> {
    let customer = partner.customer(0);
    if !has_second_invoices {
        return customer;
    }
    Rc::new(Customer {
        invoice: Rc::clone(partner.second_of(&customer.invoice)),
        ..Customer::clone(&customer)
    })
}

/// Plans of all customers who are there, and the number of all plans: who is not there keeps the
/// numbers of his.
fn plans(partner: &Partner) -> (Vec<Plan>, usize) {
    let (mut plans, mut count) = (Vec::new(), 0);
    for (at, rows) in partner.customer_rows().enumerate() {
        let more = partner.plans(at, count, rows);
        count += more.len();
        if partner.is_present(at) {
            plans.extend(more);
        }
    }
    (plans, count)
}

/// Amounts of one resource in billing currency, units of 10^-15: of all its rows with the partner
/// earned credit, and of those without.
type StateSums = [i128; 2];

struct Emitter<'a> {
    partner: &'a Partner,
    meters: &'a [Rc<Meter>],
    planting: &'a Planting,
    /// Charges that the month before left over.
    carried: &'a [Carried],
    /// Planted groups so far.
    planted: Vec<PlantedGroup>,
    /// Groups so far that mend a break of the month before.
    mended: Vec<PlantedGroup>,
    output: Output<'a>,
}

impl<'a> Emitter<'a> {
    /// Makes all rows and lines.
    fn all(
        &mut self,
        plans: &[Rc<Plan>],
        popularity: &Weights,
        notes: Option<&Notes>,
    ) -> Result<(), SynthError> {
        for plan in plans {
            for group in groups(self.partner.seed, plan, self.meters, popularity) {
                self.group(plan, group)?;
            }
            self.output.end_plan(plan)?;
        }
        for at in 0..self.planting.wanted {
            if let Some((line, truth)) = stray(self.partner, plans, self.meters, popularity, at) {
                self.output.push_truths([truth]);
                self.output.push_line(line)?;
            }
        }
        for kind in 0..COUNT {
            for at in 0..self.planting.wanted {
                self.elsewhere(kind, at)?;
            }
        }
        match notes {
            Some(notes) => self.voided(notes),
            None => Ok(()),
        }
    }

    /// Makes a group's rows, then its lines.
    fn group(&mut self, plan: &Rc<Plan>, group: Group) -> Result<(), SynthError> {
        let changes = self.planting.changes(plan.index, group.meter);
        let mut random = Random::of(
            self.partner.month_seed,
            &[12, plan.index as u64, group.meter as u64],
        );
        let mut walk = Walk {
            changes,
            copies: duplicates(group.rows),
            tallies: [Tally::default(); 2],
            serial: 0,
        };
        // Resource by resource: their sums are rounded one by one, as the published rows are.
        let (mut left, mut at) = (group.rows, 0);
        while left > 0 {
            let size = series_size(&mut random, left, at, self.partner.dates.count());
            self.series(plan, group, at, size, &mut walk, &mut random)?;
            left -= size;
            at += 1;
        }
        self.settle(plan, group, &walk, &mut random)
    }

    /// Makes the lines of a group, a price state at a time, and their truths.
    fn settle(
        &mut self,
        plan: &Rc<Plan>,
        group: Group,
        walk: &Walk,
        random: &mut Random,
    ) -> Result<(), SynthError> {
        let [earned, retail] = walk.tallies;
        // A fifth of less than five units would be no shift.
        let shifts = walk.has(Change::ShiftCredit) && earned.quantity > 4 && retail.quantity > 0;
        let shifted = if shifts { earned.quantity / 5 } else { 0 };
        // A shift that cannot be made is no plant, and nothing is noted about it.
        let changes = walk
            .changes
            .filter(|changes| *changes != [Change::ShiftCredit] || shifts);
        for (tally, is_earned, shifted) in [(earned, true, -shifted), (retail, false, shifted)] {
            // No rows at this price, or none that a line charges.
            if tally.quantity == 0 {
                continue;
            }
            let settlement = Settlement {
                partner: self.partner,
                plan,
                meter: &self.meters[group.meter],
                earned: is_earned,
                changes,
                shifted,
                carried: self.carried(plan, group, is_earned),
            };
            let Settled {
                lines,
                truths,
                over,
            } = settlement.settle(tally, random);
            let is_mended = settlement.carried.is_some();
            self.note_planted(plan, group, (changes, is_mended), (is_earned, tally, over));
            self.output.push_truths(truths);
            lines
                .into_iter()
                .try_for_each(|line| self.output.push_line(line))?;
        }
        Ok(())
    }

    /// Charge that the month before left over in a price state of a group: only where all of the
    /// group has that state, so that the line goes with its usage.
    fn carried(&self, plan: &Plan, group: Group, is_earned: bool) -> Option<&'a Carried> {
        let is_plain = match group.earning {
            Earning::Always => is_earned,
            Earning::Never => !is_earned,
            _ => false,
        };
        let mut carried = self.carried.iter().filter(|_| is_plain);
        carried.find(|it| (it.plan, it.meter, it.earned) == (plan.index, group.meter, is_earned))
    }

    /// Notes a group of one price that is planted, or mends a break of the month before.
    fn note_planted(
        &mut self,
        plan: &Plan,
        group: Group,
        (changes, is_mended): (Option<&'static [Change]>, bool),
        (earned, tally, over): (bool, Tally, i128),
    ) {
        let plain = matches!(group.earning, Earning::Always | Earning::Never);
        let changes = match changes {
            Some(changes) if plain => changes,
            None if is_mended => &[],
            _ => return,
        };
        let meter = &self.meters[group.meter];
        let list = if is_mended {
            &mut self.mended
        } else {
            &mut self.planted
        };
        list.push(PlantedGroup {
            plan: plan.index,
            meter: group.meter,
            product: meter.product,
            changes,
            invoice_number: plan.customer.invoice.number.clone(),
            subscription_id: plan.id.clone(),
            product_id: meter.product_id.clone(),
            meter_description: meter.meter_name.clone(),
            is_euro: plan.customer.invoice.currency == "EUR",
            earned,
            quantity: tally.quantity,
            pricing: tally.pricing,
            over,
        });
    }

    /// Makes `size` rows of the resource at position `at` of a group.
    fn series(
        &mut self,
        plan: &Rc<Plan>,
        group: Group,
        at: u64,
        size: u64,
        walk: &mut Walk,
        random: &mut Random,
    ) -> Result<(), SynthError> {
        let meter = &self.meters[group.meter];
        let series = Rc::new(Series::new(self.partner, plan, meter, at));
        let saved = self.planting.saved.get(&plan.index).copied();
        let days = self.partner.dates.count();
        let (start, level) = (random.below(days), 500 + random.below(1_500));
        let mut sums: StateSums = [0; 2];
        for serial in 0..size {
            // Up to a month's rows are one a day, from any day on; more are spread over the whole
            // month.
            let offset = if size <= days {
                (start + serial) % days
            } else {
                serial * days / size
            };
            let earned = is_earned(group.earning, at, offset);
            let rated = if meter.grants && offset < GRANT_DAYS {
                Rated::Granted(earned)
            } else if walk.has(Change::CoveredUsage) && walk.serial % 3 == 2 {
                Rated::Covered(earned)
            } else if earned {
                Rated::Earned
            } else {
                Rated::Retail
            };
            let bits = random.next();
            // A resource has a level of its own, from which its rows stray by a fifth. The bits are
            // not those that choose spellings.
            let amounts = series.rate(rated, level * (800 + (bits >> 40) % 401) / 1_000);
            let day = self.partner.dates.first + i32::try_from(offset).expect("a day of a month");
            let row = UsageRow {
                series: Rc::clone(&series),
                day,
                rated,
                // The line is made of all digits, whatever was saved of them.
                amounts: saved.map_or(amounts, |digits| amounts.saved_with(digits)),
                serial,
                spelling: bits,
            };
            let state = usize::from(!earned);
            self.planted_row(row, walk, state, &mut sums)?;
            // Late rows and covered ones stand in usage, and not on the line.
            if !walk.late() && !matches!(rated, Rated::Covered(_)) {
                walk.tallies[state].quantity += amounts.quantity;
                walk.tallies[state].pricing += amounts.pricing;
            }
            walk.serial += 1;
        }
        for (tally, sum) in walk.tallies.iter_mut().zip(published_pieces(sums)) {
            tally.expected += sum;
        }
        Ok(())
    }

    /// Emits a row as its group's changes want it: once, twice, in another month, or not at all.
    fn planted_row(
        &mut self,
        mut row: UsageRow,
        walk: &mut Walk,
        state: usize,
        sums: &mut StateSums,
    ) -> Result<(), SynthError> {
        let billing = row.amounts.billing;
        if walk.has(Change::NoUsage) {
            return Ok(());
        }
        sums[state] += billing;
        if walk.late() {
            row.day = self.partner.dates.month_before(row.day);
            walk.tallies[state].late += billing;
            return self.output.push_row(row);
        }
        if walk.has(Change::UsageCopies) && is_copied(walk.serial) && walk.copies > 0 {
            walk.copies -= 1;
            sums[state] += billing;
            walk.tallies[state].copies += billing;
            self.output.push_row(row.clone())?;
        }
        self.output.push_row(row)
    }

    /// Writes a line for a product that never appears in usage, and its truth.
    fn elsewhere(&mut self, kind: usize, at: u64) -> Result<(), SynthError> {
        let customers = self.partner.customer_rows().count() as u64;
        let customers = usize::try_from(customers).expect("a count of customers");
        let wish = usize::try_from(at * 7 + kind as u64).expect("a small number");
        // The next one where that one is not there: the first always is.
        let mut all = (wish..wish + customers).map(|index| index % customers);
        let index = all
            .find(|index| self.partner.is_present(*index))
            .unwrap_or(0);
        let customer = self.partner.customer(index);
        let other = elsewhere(self.partner, &customer, kind, at);
        self.out_of_scope(&customer, other)
    }

    /// Writes the line of the invoice that is voided, and that of the note which takes it back.
    fn voided(&mut self, notes: &Notes) -> Result<(), SynthError> {
        let customer = self.partner.customer(0);
        let on = |invoice: &Rc<Invoice>| Customer {
            invoice: Rc::clone(invoice),
            ..Customer::clone(&customer)
        };
        let [voided, void_note] = [&notes.voided, &notes.void_note].map(on);
        // Another line than all others of its kind.
        let other = |on: &Customer| elsewhere(self.partner, on, SEATS, self.planting.wanted);
        let (charge, reversal) = (other(&voided), other(&void_note).reversed());
        self.out_of_scope(&voided, charge)?;
        self.out_of_scope(&void_note, reversal)
    }

    /// Writes a line without usage, and its truth.
    fn out_of_scope(&mut self, customer: &Customer, other: Elsewhere) -> Result<(), SynthError> {
        let [product_id, sku_id, availability_id] = other.ids.map(str::to_owned);
        self.output.push_truths([Truth {
            causes: vec![Cause::OutOfScope],
            customer_id: customer.id.clone(),
            subscription_id: other.subscription_id,
            product_id,
            sku_id,
            availability_id,
            // Nothing says what it should come to, so that it is no variance.
            expected: cents(other.subtotal),
            invoiced: cents(other.subtotal),
            ..Truth::of_invoice(&customer.invoice, TieOut::UsageToInvoice)
        }]);
        self.output.push_line(other.line)
    }
}

/// State of the walk over a group.
struct Walk {
    /// Changes planted into the group.
    changes: Option<&'static [Change]>,
    /// Number of rows still to be emitted twice.
    copies: u64,
    /// Sums of the rows with the partner earned credit, and of those without.
    tallies: [Tally; 2],
    /// Number of the row at hand in its group, from 0.
    serial: u64,
}

impl Walk {
    /// True if the row at hand belongs to the month before.
    fn late(&self) -> bool {
        self.has(Change::LateUsage) && is_late(self.serial)
    }

    fn has(&self, change: Change) -> bool {
        self.changes
            .is_some_and(|changes| changes.contains(&change))
    }
}

/// True if a row has the partner earned credit: that of the resource at position `at` of its group,
/// on day `offset` of the month.
fn is_earned(earning: Earning, at: u64, offset: u64) -> bool {
    match earning {
        Earning::Never => false,
        Earning::Always => true,
        Earning::UntilDay(day) => offset < day,
        Earning::ByResource => at % 3 != 1,
    }
}

/// Number of rows of the next resource: the first of a group is busy, the others follow a long
/// tail.
fn series_size(random: &mut Random, left: u64, at: u64, days: u64) -> u64 {
    // Most resources live a few days, some the whole month, and one in eight is metered several
    // times a day.
    let usual = match random.below(8) {
        0..=4 => 1 + random.below(6),
        5 | 6 => days - random.below(6),
        _ => days + random.below(days * 2),
    };
    let busy = if at == 0 { left / 10 } else { 0 };
    usual.max(busy).min(days * ROWS_PER_DAY).min(left)
}
