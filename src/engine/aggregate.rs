//! A unit's rows to its partial totals.
//!
//! The key of a total is four small numbers: account, product, resource and state, each an interned
//! tuple of raw cells. Partials merge by addition, in any order. No key is ever used to drop a row.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::copies::{Copies, Seen};
use super::interner::Interner;
use super::measures::{self, Measures};
use crate::model::dataset::{Dataset, INVOICE_LINES, USAGE, position};
use crate::model::period::{self, Day, Period};
use crate::model::reject::Rejection;
use crate::model::row::{Cell, Row};

/// Tuples that make a key.
pub const TUPLES: usize = 4;
/// Sums of a total.
pub const SUMS: usize = 4;

/// Sums of absolute values past this, 2 x 10^17 in whole units, are refused: no partner has them,
/// and below it every figure fits the 28 digits that are published.
pub const GROSS_LIMIT: i128 = i128::MAX / 8;

/// Which columns make which tuple of a dataset's key. The order within a tuple is that of
/// [`super::totals`], which reads the fields back.
#[derive(Debug)]
pub struct Grain {
    /// Column positions of each tuple.
    pub tuples: [&'static [usize]; TUPLES],
    /// Fields that end the last tuple, made of the row's numbers.
    pub derived: &'static [Derived],
    /// Reads a row's numbers.
    pub measure: fn(&[Cell<'_>]) -> Result<Measures, Rejection>,
}

/// A field of a key that no column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// Month of the day of use, as `2026-10`.
    Month,
    /// Day of use, as `2026-10-05`.
    Day,
    /// `free` where neither billed nor priced, though used.
    Free,
}

/// Name of a derived field in an error, which none can have.
const DERIVED: &str = "UsageDate";

macro_rules! columns {
    ($table:ident: $($name:literal),*) => { &[$(position($table, $name)),*] };
}

static USAGE_GRAIN: Grain = Grain {
    tuples: [
        columns!(USAGE: "InvoiceNumber", "CustomerId", "CustomerName", "SubscriptionId", "BillingCurrency", "PricingCurrency", "PCToBCExchangeRate"),
        columns!(USAGE: "ProductId", "SkuId", "AvailabilityId", "SkuName", "ProductName", "MeterId", "MeterName", "MeterType", "MeterCategory", "Unit"),
        columns!(USAGE: "EntitlementId", "ResourceGroup", "ResourceURI"),
        columns!(USAGE: "ChargeType", "CreditType", "PartnerEarnedCreditPercentage", "CreditPercentage", "BenefitType"),
    ],
    derived: &[Derived::Month, Derived::Free],
    measure: measures::of_usage,
};

/// Usage day by day.
static DAILY_GRAIN: Grain = Grain { tuples: USAGE_GRAIN.tuples, derived: &[Derived::Day, Derived::Free], measure: measures::of_usage };

static LINES_GRAIN: Grain = Grain {
    tuples: [
        columns!(INVOICE_LINES: "InvoiceNumber", "CustomerId", "CustomerName", "SubscriptionId", "Currency", "PricingCurrency", "PCToBCExchangeRate"),
        columns!(INVOICE_LINES: "ProductId", "SkuId", "AvailabilityId", "SkuName", "ProductName", "MeterDescription"),
        &[],
        // Amounts among the keys: what is equal in all of them is one line as far as arithmetic goes.
        columns!(INVOICE_LINES: "ChargeType", "PriceAdjustmentDescription", "SubscriptionDescription", "TermAndBillingCycle", "ReservationOrderId", "ChargeEndDate",
            "EffectiveUnitPrice", "UnitPrice", "BillableQuantity", "Quantity", "Subtotal", "ChargeStartDate"),
    ],
    derived: &[],
    measure: measures::of_line,
};

impl Grain {
    /// The grain of a dataset that has totals.
    ///
    /// # Panics
    /// For `invoices`, whose headers are kept one by one.
    #[must_use]
    pub fn of(dataset: Dataset) -> &'static Self {
        match dataset {
            Dataset::Usage | Dataset::UnbilledUsage => &USAGE_GRAIN,
            Dataset::InvoiceLines => &LINES_GRAIN,
            Dataset::Invoices => unreachable!("invoice headers are kept one by one"),
        }
    }
}

/// What is summed for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Rows.
    pub rows: u64,
    /// Sums in units of 10^-20; what they are of: [`Measures::sums`].
    pub sums: [i128; SUMS],
    /// Half a unit of the last digit of every amount that was written with limited precision, in
    /// units of 10^-20.
    pub precision: i128,
    /// First day; [`Day::MAX`] where no row has one.
    pub first: Day,
    /// Last day; [`Day::MIN`] where no row has one.
    pub last: Day,
}

impl Total {
    const NOTHING: Self = Self { rows: 0, sums: [0; SUMS], precision: 0, first: Day::MAX, last: Day::MIN };

    /// Adds another total; `None` where a sum overflows, and then nothing is to be trusted.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Option<Self> {
        self.rows = self.rows.checked_add(other.rows)?;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.checked_add(more)?;
        }
        self.precision = self.precision.checked_add(other.precision)?;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        Some(self)
    }
}

/// A sum of absolute values passes [`GROSS_LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Source `{}`: found amounts or quantities that add up to more than 2 x 10^17, wanted less", .dataset.name())]
pub struct SumOverflow {
    /// What was summed.
    pub dataset: Dataset,
}

/// The partial totals of a unit, or of several.
#[derive(Debug)]
pub struct Partial {
    /// What was summed.
    pub dataset: Dataset,
    /// The tuples that keys are made of.
    pub tuples: [Interner; TUPLES],
    /// The totals.
    pub totals: HashMap<[u32; TUPLES], Total>,
    /// Of the totals that hold copies of rows, how many and how much.
    pub copies: HashMap<[u32; TUPLES], Copies>,
    /// Rows and first sum by account tuple, counted apart from the totals: the control.
    pub control: Vec<(u64, i128)>,
    /// Rows by account tuple and month of use, counted from year 0.
    pub months: HashMap<(u32, i32), u64>,
    /// Numbers that held more decimals than are kept.
    pub rounded: u64,
    /// Sums of the absolute values. No sum of any rows is larger than these: while they keep to
    /// [`GROSS_LIMIT`], nothing behind this point can overflow.
    gross: [i128; SUMS],
    overflow: bool,
    scratch: Vec<u8>,
    last_day: LastDay,
    seen: Option<Arc<Seen>>,
    grain: &'static Grain,
}

/// The day of the last row, its month's number, and both as text.
#[derive(Debug, Default)]
struct LastDay {
    day: Option<Day>,
    month: i32,
    month_text: Vec<u8>,
    day_text: Vec<u8>,
}

impl LastDay {
    fn set(&mut self, day: Day) {
        if self.day != Some(day) {
            let month = period::month_number(day);
            let month_text = Period::of_month(month).map(|month| month.to_string().into_bytes()).unwrap_or_default();
            let day_text = period::date_of(day).map(|date| date.to_string().into_bytes()).unwrap_or_default();
            *self = Self { day: Some(day), month, month_text, day_text };
        }
    }
}

impl Partial {
    /// No totals yet. Partials that are to know each other's rows share `seen`.
    #[must_use]
    pub fn new(dataset: Dataset, seen: Arc<Seen>) -> Self {
        Self::with(dataset, Grain::of(dataset), Some(seen))
    }

    /// No totals of usage day by day, for comparisons that look at days; copies are not looked for.
    #[must_use]
    pub fn daily(dataset: Dataset) -> Self {
        Self::with(dataset, &DAILY_GRAIN, None)
    }

    fn with(dataset: Dataset, grain: &'static Grain, seen: Option<Arc<Seen>>) -> Self {
        Self {
            dataset,
            tuples: Default::default(),
            totals: HashMap::new(),
            copies: HashMap::new(),
            control: Vec::new(),
            months: HashMap::new(),
            rounded: 0,
            gross: [0; SUMS],
            overflow: false,
            scratch: Vec::new(),
            last_day: LastDay::default(),
            seen,
            grain,
        }
    }

    /// Adds one row.
    ///
    /// # Errors
    /// A [`Rejection`] where a cell cannot be used; the totals are then untouched.
    pub fn add(&mut self, row: &Row<'_, '_>) -> Result<(), Rejection> {
        let grain = self.grain;
        let measures = (grain.measure)(row.cells)?;
        if let Some(day) = measures.day {
            self.last_day.set(day);
        }
        let known = self.tuples.each_ref().map(Interner::len);
        match self.key_of(grain, row, &measures) {
            Ok(key) => {
                self.record(key, &measures);
                if self.seen.as_ref().is_some_and(|seen| !seen.is_new(row.fingerprint())) {
                    self.copies.entry(key).or_default().add(&Copies::of(&measures));
                }
            }
            Err(rejection) => {
                // The tuples before the one at fault would be shown, and traced, as if they counted.
                self.tuples.iter_mut().zip(known).for_each(|(interner, count)| interner.truncate(count));
                return Err(rejection);
            }
        }
        Ok(())
    }

    fn key_of(&mut self, grain: &Grain, row: &Row<'_, '_>, measures: &Measures) -> Result<[u32; TUPLES], Rejection> {
        let columns = self.dataset.columns();
        let mut key = [0; TUPLES];
        for (number, ((positions, interner), id)) in grain.tuples.iter().zip(&mut self.tuples).zip(&mut key).enumerate() {
            self.scratch.clear();
            for at in *positions {
                Interner::write_field(&mut self.scratch, row.cells.get(*at).unwrap_or(&Cell::Missing));
            }
            let derived = if number + 1 == TUPLES { grain.derived } else { &[] };
            for field in derived {
                let text: &[u8] = match field {
                    Derived::Month if measures.day.is_some() => &self.last_day.month_text,
                    Derived::Day if measures.day.is_some() => &self.last_day.day_text,
                    Derived::Free if measures.is_free() => b"free",
                    Derived::Month | Derived::Day | Derived::Free => b"",
                };
                Interner::write_field(&mut self.scratch, &Cell::Text(Cow::Borrowed(text)));
            }
            let name = |at: usize| positions.get(at).and_then(|at| columns.get(*at)).map_or(DERIVED, |column| column.name);
            *id = interner.intern(&self.scratch, (0..positions.len() + derived.len()).map(name))?;
        }
        Ok(key)
    }

    fn record(&mut self, key: [u32; TUPLES], measures: &Measures) {
        self.rounded += u64::from(measures.rounded);
        self.add_gross(&measures.sums.map(|sum| sum.saturating_abs()));
        let [account, ..] = key;
        let slot = account as usize;
        if self.control.len() <= slot {
            self.control.resize(slot + 1, (0, 0));
        }
        let [_, amount, ..] = measures.sums;
        if let Some((rows, sum)) = self.control.get_mut(slot) {
            *rows += 1;
            match sum.checked_add(amount) {
                Some(more) => *sum = more,
                None => self.overflow = true,
            }
        }
        if measures.day.is_some() {
            *self.months.entry((account, self.last_day.month)).or_default() += 1;
        }
        let (first, last) = measures.day.map_or((Day::MAX, Day::MIN), |day| (day, day));
        let row = Total { rows: 1, sums: measures.sums, precision: measures.precision, first, last };
        self.overflow |= !add_to(&mut self.totals, key, &row);
    }

    /// Adds another partial of the same dataset.
    pub fn merge(&mut self, other: &Self) {
        assert!(self.dataset == other.dataset, "partials of one dataset merge");
        let renumbered: Vec<Vec<u32>> = self.tuples.iter_mut().zip(&other.tuples).map(|(mine, theirs)| mine.absorb(theirs)).collect();
        let renumber = |tuple: usize, id: u32| renumbered.get(tuple).and_then(|ids| ids.get(id as usize)).copied().unwrap_or(u32::MAX);
        for (account, (rows, amount)) in (0..).zip(&other.control) {
            let slot = renumber(0, account) as usize;
            if self.control.len() <= slot {
                self.control.resize(slot + 1, (0, 0));
            }
            if let Some(mine) = self.control.get_mut(slot) {
                mine.0 += rows;
                match mine.1.checked_add(*amount) {
                    Some(more) => mine.1 = more,
                    None => self.overflow = true,
                }
            }
        }
        for ((account, month), rows) in &other.months {
            *self.months.entry((renumber(0, *account), *month)).or_default() += rows;
        }
        for (key, total) in &other.totals {
            let mut at = 0..TUPLES;
            let key = key.map(|id| renumber(at.next().unwrap_or_default(), id));
            self.overflow |= !add_to(&mut self.totals, key, total);
        }
        for (key, copies) in &other.copies {
            let mut at = 0..TUPLES;
            let key = key.map(|id| renumber(at.next().unwrap_or_default(), id));
            self.copies.entry(key).or_default().add(copies);
        }
        self.rounded += other.rounded;
        self.add_gross(&other.gross);
        self.overflow |= other.overflow;
    }

    fn add_gross(&mut self, more: &[i128; SUMS]) {
        for (gross, more) in self.gross.iter_mut().zip(more) {
            *gross = gross.saturating_add(*more);
            self.overflow |= *gross > GROSS_LIMIT;
        }
    }

    /// Rows in the totals.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.totals.values().map(|total| total.rows).sum()
    }

    /// Says whether every sum kept to its limit.
    ///
    /// # Errors
    /// [`SumOverflow`].
    pub fn check(&self) -> Result<(), SumOverflow> {
        if self.overflow { Err(SumOverflow { dataset: self.dataset }) } else { Ok(()) }
    }
}

fn add_to(totals: &mut HashMap<[u32; TUPLES], Total>, key: [u32; TUPLES], more: &Total) -> bool {
    let total = totals.entry(key).or_insert(Total::NOTHING);
    match total.plus(more) {
        Some(sum) => *total = sum,
        None => return false,
    }
    true
}
