//! Course of one month among several: what it takes over from the month before, what of it is
//! another in a later version, and what it leaves to the next.

use super::carried::Carried;
use super::month::Month;
use super::output::Contents;
use super::planting::{Change, Edit};
use super::request::Report;
use super::truth::Truth;

/// Course of a month.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) month: Month,
    /// Number of the group that is asked first for plants.
    pub(super) first: usize,
    /// Charges that the month before left over.
    pub(super) carried: Vec<Carried>,
    /// Plants that are others than in the first version.
    pub(super) edits: Vec<Edit>,
}

/// Planted group, as it was charged.
#[derive(Clone)]
pub(super) struct PlantedGroup {
    pub(super) plan: usize,
    /// Position of the meter in the price list.
    pub(super) meter: usize,
    pub(super) product: usize,
    pub(super) changes: &'static [Change],
    pub(super) invoice_number: String,
    pub(super) subscription_id: String,
    pub(super) product_id: String,
    pub(super) meter_description: String,
    pub(super) is_euro: bool,
    pub(super) earned: bool,
    /// Quantity of the usage, units of 10^-6.
    pub(super) quantity: i128,
    /// Amount of the usage in USD, units of 10^-15.
    pub(super) pricing: i128,
    /// Cents that the line charges more than the usage makes.
    pub(super) over: i128,
}

/// Everything that was made of a month.
pub(super) struct Made {
    pub(super) report: Report,
    pub(super) truths: Vec<Truth>,
    pub(super) contents: Contents,
    /// Planted groups that have one price, in the order of plans.
    pub(super) planted: Vec<PlantedGroup>,
    /// Groups that mend a break of the month before.
    pub(super) mended: Vec<PlantedGroup>,
    /// True if there are second invoices.
    pub(super) has_second: bool,
    /// Names of the customers that are there, by id.
    pub(super) customers: Vec<(String, String)>,
    /// Currency of each invoice, by number.
    pub(super) currencies: Vec<(String, &'static str)>,
}
