//! The walk over the partner: plan by plan, meter by meter, resource by resource. Memory holds the
//! windows in which rows lose their order, the sums of one group, and the few planted truths.

use std::rc::Rc;

use super::catalogue::{METERS, Meter, catalogue};
use super::elsewhere::{COUNT, elsewhere};
use super::layout::{Earning, Group, groups};
use super::lines::Line;
use super::partner::{Customer, Partner, Plan};
use super::partner_center::PartnerCenter;
use super::planting::{Change, Planting, duplicates, is_copied, is_late};
use super::random::{Random, Shuffle, Weights};
use super::settle::{Settled, Settlement, Tally};
use super::truth::{self, Parts, Truth, add, cents, header_truth, published_pieces};
use super::usage::{Rated, Scratch, Series, UsageRow};
use super::write::{Sink, Target, Written, create_folder, open};
use super::{Format, Report, Request, SynthError, invoices};
use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;

const ROW_WINDOW: usize = 8_192;
const LINE_WINDOW: usize = 2_048;
/// Days at the start of the month on which a granting meter is free.
const GRANT_DAYS: u64 = 5;
/// A resource has at most this many rows a day under one meter.
const ROWS_PER_DAY: u64 = 40;

/// Makes everything a request asks for.
pub(super) fn emit(request: &Request) -> Result<Report, SynthError> {
    // Planted duplicates come on top: room is kept for them, and one last plan fills up to the row.
    let reserve = if request.planted {
        request.rows / 50
    } else {
        0
    };
    let partner = Partner::new(request.seed, request.period, request.rows - reserve);
    let meters: Vec<Rc<Meter>> = catalogue(request.seed).into_iter().map(Rc::new).collect();
    let popularity = Weights::zipf(METERS, 2);
    let mut plans = plans(&partner);
    let planting = match request.planted {
        true => Planting::choose(&partner, &plans, &meters, &popularity, request.rows),
        false => Planting::default(),
    };
    let filler =
        u64::try_from(i64::try_from(reserve).unwrap_or(i64::MAX) - planting.surplus).unwrap_or(0);
    plans.push(partner.plan(&partner.customer(0), plans.len(), filler));

    let mut emitter = Emitter::open(request, &partner, &meters, &planting)?;
    for plan in plans.into_iter().map(Rc::new) {
        for group in groups(request.seed, &plan, &meters, &popularity) {
            emitter.group(&plan, group)?;
        }
        if let Some(partner_center) = &mut emitter.partner_center {
            partner_center.end_plan(&partner, &plan)?;
        }
    }
    for kind in 0..COUNT {
        for at in 0..planting.wanted {
            emitter.elsewhere(kind, at)?;
        }
    }
    emitter.finish(request)
}

fn plans(partner: &Partner) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for (at, rows) in partner.customer_rows().enumerate() {
        let more = partner.plans(at, plans.len(), rows);
        plans.extend(more);
    }
    plans
}

/// Sums of one resource, billing currency, units of 10^-15: all rows of a price state.
type Sums = [i128; 2];

struct Emitter<'a> {
    partner: &'a Partner,
    meters: &'a [Rc<Meter>],
    planting: &'a Planting,
    usage: Vec<Box<dyn Sink>>,
    recon: Vec<Box<dyn Sink>>,
    row_window: Shuffle<UsageRow>,
    line_window: Shuffle<Line>,
    scratch: Scratch,
    /// What else is served, where a server could serve it.
    partner_center: Option<PartnerCenter>,
    truths: Vec<Truth>,
    totals: [i128; 2],
    taxes: [i128; 2],
    rows: u64,
    lines: u64,
}

impl<'a> Emitter<'a> {
    fn open(
        request: &Request,
        partner: &'a Partner,
        meters: &'a [Rc<Meter>],
        planting: &'a Planting,
    ) -> Result<Self, SynthError> {
        create_folder(&request.out.join("invoices"))?;
        let mut formats = request.formats.clone();
        formats.sort_unstable();
        formats.dedup();
        let target = |dataset: Dataset, folder: &str, salt: u64| Target {
            dataset,
            folder: request.out.join(folder),
            partner_id: partner.id.clone(),
            invoice_number: partner.invoices[0].number.clone(),
            export_id: Random::of(request.seed, &[9, salt]).guid(),
            month: request.period.to_string().replace('-', ""),
        };
        let sinks = |target: &Target| {
            formats
                .iter()
                .map(|format| open(*format, target))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            partner,
            meters,
            planting,
            usage: sinks(&target(Dataset::Usage, "usage", 0))?,
            recon: sinks(&target(Dataset::InvoiceLines, "recon", 1))?,
            row_window: Shuffle::new(ROW_WINDOW, Random::of(request.seed, &[10])),
            line_window: Shuffle::new(LINE_WINDOW, Random::of(request.seed, &[11])),
            scratch: Scratch::default(),
            partner_center: match formats
                .iter()
                .any(|format| matches!(format, Format::V1 | Format::V2))
            {
                true => Some(PartnerCenter::new(&request.out, partner, request.planted)?),
                false => None,
            },
            truths: Vec::new(),
            totals: [0; 2],
            taxes: [0; 2],
            rows: 0,
            lines: 0,
        })
    }

    /// Makes a group's rows, then its lines.
    fn group(&mut self, plan: &Rc<Plan>, group: Group) -> Result<(), SynthError> {
        let changes = self.planting.changes(plan.index, group.meter);
        let mut random = Random::of(
            self.partner.seed,
            &[12, plan.index as u64, group.meter as u64],
        );
        let mut walk = Walk {
            changes,
            copies: duplicates(group.rows),
            tallies: [Tally::default(); 2],
            serial: 0,
        };
        let (mut left, mut at) = (group.rows, 0);
        while left > 0 {
            let size = series_size(&mut random, left, at, self.partner.dates.count());
            self.series(plan, group, at, size, &mut walk, &mut random)?;
            left -= size;
            at += 1;
        }
        let [earned, retail] = walk.tallies;
        let shifts = walk.has(Change::ShiftCredit) && earned.quantity > 4 && retail.quantity > 0;
        let shifted = if shifts { earned.quantity / 5 } else { 0 };
        for (tally, is_earned, shifted) in [(earned, true, -shifted), (retail, false, shifted)] {
            if tally.quantity > 0 {
                let changes = changes.filter(|changes| *changes != [Change::ShiftCredit] || shifts);
                let meter = &self.meters[group.meter];
                let settlement = Settlement {
                    partner: self.partner,
                    plan,
                    meter,
                    earned: is_earned,
                    changes,
                    shifted,
                };
                let Settled { lines, truths } = settlement.settle(tally, &mut random);
                self.truths.extend(truths);
                lines
                    .into_iter()
                    .try_for_each(|line| self.push_line(&plan.customer, line))?;
            }
        }
        Ok(())
    }

    /// Makes `size` rows of one resource.
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
        let days = self.partner.dates.count();
        let (start, level) = (random.below(days), 500 + random.below(1_500));
        let mut sums: Sums = [0; 2];
        for serial in 0..size {
            let offset = if size <= days {
                (start + serial) % days
            } else {
                serial * days / size
            };
            let earned = match group.earning {
                Earning::Never => false,
                Earning::Always => true,
                Earning::UntilDay(day) => offset < day,
                Earning::ByResource => at % 3 != 1,
            };
            let rated = match earned {
                _ if meter.grants && offset < GRANT_DAYS => Rated::Granted(earned),
                _ if walk.has(Change::CoveredUsage) && walk.serial % 3 == 2 => {
                    Rated::Covered(earned)
                }
                true => Rated::Earned,
                false => Rated::Retail,
            };
            let bits = random.next();
            let amounts = series.rate(rated, level * (800 + (bits >> 40) % 401) / 1_000);
            let day = self.partner.dates.first + i32::try_from(offset).unwrap_or(0);
            let row = UsageRow {
                series: Rc::clone(&series),
                day,
                rated,
                amounts,
                serial,
                spelling: bits,
            };
            let state = usize::from(!earned);
            self.planted_row(row, walk, state, &mut sums)?;
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
        sums: &mut Sums,
    ) -> Result<(), SynthError> {
        let billing = row.amounts.billing;
        if walk.has(Change::NoUsage) {
            return Ok(());
        }
        sums[state] += billing;
        if walk.late() {
            row.day = self.partner.dates.month_before(row.day);
            walk.tallies[state].late += billing;
            return self.push_row(row);
        }
        if walk.has(Change::UsageCopies) && is_copied(walk.serial) && walk.copies > 0 {
            walk.copies -= 1;
            sums[state] += billing;
            walk.tallies[state].copies += billing;
            self.push_row(row.clone())?;
        }
        self.push_row(row)
    }

    /// Writes a line for a product that never appears in usage, and its truth.
    fn elsewhere(&mut self, kind: usize, at: u64) -> Result<(), SynthError> {
        let customers = self.partner.customer_rows().count() as u64;
        let customer = self
            .partner
            .customer(usize::try_from((at * 7 + kind as u64) % customers).unwrap_or(0));
        let other = elsewhere(self.partner, &customer, kind, at);
        let [product_id, sku_id, availability_id] = other.ids.map(str::to_owned);
        let mut parts = Parts::default();
        add(&mut parts, Cause::OutOfScope, cents(other.subtotal));
        self.truths.push(Truth {
            causes: vec![Cause::OutOfScope],
            tie_out: TieOut::UsageToInvoice,
            invoice_number: customer.invoice.number.clone(),
            customer_id: customer.id.clone(),
            subscription_id: other.subscription_id,
            product_id,
            sku_id,
            availability_id,
            meter_description: String::new(),
            price_adjustment: "",
            currency: customer.invoice.currency,
            expected: 0,
            invoiced: cents(other.subtotal),
            parts,
        });
        self.push_line(&customer, other.line)
    }

    fn push_row(&mut self, row: UsageRow) -> Result<(), SynthError> {
        self.rows += 1;
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.row(&row);
        }
        match self.row_window.push(row) {
            Some(row) => self.write_row(&row),
            None => Ok(()),
        }
    }

    fn write_row(&mut self, row: &UsageRow) -> Result<(), SynthError> {
        self.scratch.fill(row);
        let cells = self.scratch.cells(self.partner, row);
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.usage_cells(&cells)?;
        }
        self.usage.iter_mut().try_for_each(|sink| sink.row(&cells))
    }

    fn push_line(&mut self, customer: &Customer, line: Line) -> Result<(), SynthError> {
        self.lines += 1;
        let invoice = usize::from(customer.invoice.number != self.partner.invoices[0].number);
        self.totals[invoice] += line.total;
        self.taxes[invoice] += line.tax;
        match self.line_window.push(line) {
            Some(line) => self.write_line(&line),
            None => Ok(()),
        }
    }

    fn write_line(&mut self, line: &Line) -> Result<(), SynthError> {
        let cells = line.cells.each_ref().map(String::as_str);
        if let Some(partner_center) = &mut self.partner_center {
            partner_center.line_cells(&cells)?;
        }
        self.recon.iter_mut().try_for_each(|sink| sink.row(&cells))
    }

    /// Empties the windows, and writes the invoices and the truth.
    fn finish(mut self, request: &Request) -> Result<Report, SynthError> {
        while let Some(row) = self.row_window.pop() {
            self.write_row(&row)?;
        }
        while let Some(line) = self.line_window.pop() {
            self.write_line(&line)?;
        }
        let mut headers = self.totals;
        if self.planting.wanted > 0 {
            // The header leaves the tax of its lines out.
            headers[0] -= self.taxes[0];
            self.truths
                .push(header_truth(self.partner, self.totals[0], headers[0]));
        }
        let items = invoices::items(self.partner, headers);
        let mut written = invoices::write(&request.out, "invoices.json", &items)?;
        if let Some(partner_center) = self.partner_center {
            let (more, legacy) = partner_center.finish(self.partner, &items)?;
            // A file of its own: whoever lists the invoices of all kinds gets it too.
            written =
                written
                    .and(more)
                    .and(invoices::write(&request.out, "legacy.json", &[legacy])?);
        }
        written = written.and(truth::write(
            &request.out,
            &self.partner.period.to_string(),
            &mut self.truths,
        )?);
        for sink in self.usage.into_iter().chain(self.recon) {
            written = written.and(sink.finish()?);
        }
        let Written { files, bytes } = written;
        let count = |cause: Cause| {
            self.truths
                .iter()
                .filter(|truth| truth.causes.contains(&cause))
                .count() as u64
        };
        let planted = Cause::ALL
            .into_iter()
            .map(|cause| (cause, count(cause)))
            .filter(|(_, count)| *count > 0)
            .collect();
        Ok(Report {
            rows: self.rows,
            lines: self.lines,
            planted,
            files,
            bytes,
        })
    }
}

/// Where the walk over a group stands.
struct Walk {
    changes: Option<&'static [Change]>,
    /// Rows still to be emitted twice.
    copies: u64,
    /// With the partner earned credit, and without.
    tallies: [Tally; 2],
    /// Counts the group's rows.
    serial: u64,
}

impl Walk {
    /// The row at hand belongs to the month before.
    fn late(&self) -> bool {
        self.has(Change::LateUsage) && is_late(self.serial)
    }

    fn has(&self, change: Change) -> bool {
        self.changes
            .is_some_and(|changes| changes.contains(&change))
    }
}

/// Rows of the next resource: the first of a group is busy, the others follow a long tail.
fn series_size(random: &mut Random, left: u64, at: u64, days: u64) -> u64 {
    let usual = match random.below(8) {
        0..=4 => 1 + random.below(6),
        5 | 6 => days - random.below(6),
        _ => days + random.below(days * 2),
    };
    let busy = if at == 0 { left / 10 } else { 0 };
    usual.max(busy).min(days * ROWS_PER_DAY).min(left)
}
