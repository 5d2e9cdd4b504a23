//! Variances: compared groups that were judged, each with tolerance, status, cause, parts, and the
//! id that it has in every run. Published as `variances`.
//!
//! A variance within the tolerance is attributed all the same: the status says whether a person has
//! to look, the cause says what there is to see.

use std::fmt;
use std::num::NonZeroU32;

use crate::engine::causes::attribute::{self, AttributionInput};
use crate::engine::causes::finding::Finding;
use crate::engine::compare::group::Sides;
use crate::engine::failure::EngineError;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::definitions::{self, Finality, Measure};
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key};
use crate::engine::rules::scope::Scope;
use crate::engine::rules::tolerance::{Limit, Tolerances};
use crate::model::cause::{Cause, Proof, Status, TieOut};
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};

/// Id of a group: that of its keys, equal in every run that has them, and a number where the run has
/// several groups of these keys. Written as `B` and 16 hexadecimal digits, then `.2`, `.3`… for all
/// groups but the first: without the number it is the id of the break, however finely it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakId {
    /// Hash of the keys. At 2^32 groups two may collide by chance: far more than there are breaks to
    /// look at.
    keys: [u8; 8],
    /// Number among the groups with these keys, in published order; 1 for the first.
    number: NonZeroU32,
}

impl BreakId {
    fn of(hash: &blake3::Hash) -> Self {
        Self {
            keys: *hash.as_bytes().first_chunk().expect("a hash has 32 bytes"),
            number: NonZeroU32::MIN,
        }
    }
}

impl fmt::Display for BreakId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A letter first: a spreadsheet takes `12345678e9012345` for a number.
        write!(formatter, "B{:016x}", u64::from_be_bytes(self.keys))?;
        match self.number {
            NonZeroU32::MIN => Ok(()),
            number => write!(formatter, ".{number}"),
        }
    }
}

/// Parts of a variance, in units of 10^-10.
///
/// All parts take as much room as the rest of a variance, and most variances have one part or none:
/// only where there are several is the whole list kept.
#[derive(Clone, Debug)]
pub struct Parts(PartsFound);

#[derive(Clone, Debug)]
enum PartsFound {
    None,
    One(Cause, i128),
    Several(Box<[i128; Cause::ALL.len()]>),
}

impl Parts {
    fn of(parts: &[i128; Cause::ALL.len()]) -> Self {
        let mut found = Cause::ALL
            .into_iter()
            .zip(*parts)
            .filter(|(_, part)| *part != 0);
        Self(match (found.next(), found.next()) {
            (None, _) => PartsFound::None,
            (Some((cause, part)), None) => PartsFound::One(cause, part),
            (Some(_), Some(_)) => PartsFound::Several(Box::new(*parts)),
        })
    }

    /// Part of a cause; 0 where it has none.
    #[must_use]
    pub fn by(&self, cause: Cause) -> i128 {
        match &self.0 {
            PartsFound::One(only, part) if *only == cause => *part,
            PartsFound::None | PartsFound::One(..) => 0,
            PartsFound::Several(parts) => parts[cause as usize],
        }
    }

    /// Sum of the parts, which is the variance.
    #[must_use]
    pub fn sum(&self) -> i128 {
        Cause::ALL.iter().map(|cause| self.by(*cause)).sum()
    }
}

/// Judged group: a row of `variances`.
#[derive(Clone, Debug)]
pub struct Variance {
    /// Compared group, both of its sides.
    pub sides: Sides,
    /// Largest variance that is no break, in units of 10^-10.
    pub tolerance_amount: i128,
    /// Proof that rounding alone makes the variance; `None` where there is none, or no usage is
    /// expected.
    pub proof: Option<Proof>,
    /// Part of the tolerance that decided its size.
    pub limit: Limit,
    /// Status that follows from variance and tolerance.
    pub status: Status,
    /// Cause of the largest part; that of the scope where no usage is expected; `None` where there
    /// is no variance, or its other side is awaited.
    pub cause: Option<Cause>,
    /// Parts of the variance, by cause.
    pub parts: Parts,
    /// Id of the group.
    pub break_id: BreakId,
    /// Id of the one-sided break of the same account that this one is the other half of, by its
    /// quantity or its amount; `None` for none.
    pub counterpart: Option<BreakId>,
    /// Finding about the group; `None` where rounding alone can make its variance.
    pub finding: Option<Box<Finding>>,
}

impl Variance {
    /// True if the variance informs only, and fails no close: that of an estimate, and usage that a
    /// snapshot could not know yet. A snapshot that knows a meter, and not all of it, is no excuse.
    #[must_use]
    pub fn informs(&self) -> bool {
        let (_, variance) = self.sides.compared();
        match definitions::definition(self.sides.tie_out).finality {
            Finality::Estimate => true,
            Finality::Snapshot => {
                self.sides.expected_rows == 0 && self.parts.by(Cause::Timing) == variance
            }
            Finality::Complete | Finality::Invoiced => false,
        }
    }
}

/// Judges a group: its tolerance, status, causes and id. `off` names causes that are not looked
/// for.
///
/// # Errors
/// [`EngineError::AmountOverflow`] where an amount or a tolerance exceeds 28 digits.
pub fn judge(
    sides: Sides,
    tolerances: &Tolerances,
    vocabulary: &Vocabulary,
    finding: Option<Box<Finding>>,
    off: &[Cause],
) -> Result<Variance, EngineError> {
    let (expected, variance) = sides.compared();
    let exact = |amount: i128| {
        // Widening by ten digits: the mode has nothing to round.
        rescale(amount, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
            .ok_or(EngineError::AmountOverflow)
    };
    let derived = sides.rounding_toward(variance)?;
    let proof = sides.proof()?;
    let currency = vocabulary.text(Domain::Currency, sides.keys[Key::Currency]);
    let size = exact(variance)?
        .checked_abs()
        .ok_or(EngineError::AmountOverflow)?;
    // A variance may lie between what the lines' arithmetic gives and what it allows: then rounding
    // makes nothing of it.
    let derived = if proof == Some(Proof::None) && size <= derived {
        0
    } else {
        derived
    };
    let settings = tolerances.of(
        currency,
        &vocabulary.folded(Domain::Customer, sides.keys[Key::Customer]),
    );
    let (limit_amount, limit) = settings
        .limit(derived, exact(expected)?)
        .ok_or(EngineError::AmountOverflow)?;
    let contradiction = finding.as_ref().and_then(|found| found.contradiction);
    let is_allowed = proof != Some(Proof::None) || size <= limit_amount;
    let status = status_of(&sides, variance, contradiction, is_allowed);
    // Attributed in any case, by amounts, even where quantities are what is compared.
    let bridge = finding.as_ref().map(|finding| &finding.steps);
    let amount = sides.variance_amount();
    let parts = attribute::split(
        &AttributionInput {
            sides: &sides,
            variance: amount,
            within_rounding: proof != Some(Proof::None),
            bridge,
        },
        off,
    );
    let cause = match sides.measure {
        // What can still come has no cause yet: `awaited_for` says what it waits for.
        _ if status == Status::Awaited => None,
        // Named though there is no part of it: it says why the lines are not compared.
        _ if status == Status::OutOfScope && !off.contains(&Cause::OutOfScope) => {
            Some(Cause::OutOfScope)
        }
        Measure::Amount => attribute::largest(&parts).or(contradiction),
        Measure::Quantity => {
            let is_timing = finding.as_ref().is_some_and(|finding| finding.is_timing);
            attribute::of_quantity(&sides, variance, proof != Some(Proof::None), is_timing)
        }
    };
    let break_id = break_id_of(&sides, vocabulary);
    Ok(Variance {
        // Down: the published tolerance must not look wider than the one that was applied.
        tolerance_amount: rescale(limit_amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::Down)
            .ok_or(EngineError::AmountOverflow)?,
        proof,
        limit,
        status,
        cause,
        parts: Parts::of(&parts),
        break_id,
        counterpart: None,
        finding,
        sides,
    })
}

/// Status of a group. `is_allowed` is true of a variance that rounding makes, or that the pipeline
/// passes over; the order is that of precedence.
fn status_of(
    sides: &Sides,
    variance: i128,
    contradiction: Option<Cause>,
    is_allowed: bool,
) -> Status {
    match () {
        // What is out of scope is no break, however large.
        () if sides.scope != Scope::Usage => Status::OutOfScope,
        // No tolerance is of a number that contradicts the others.
        () if contradiction.is_some() => Status::Break,
        () if variance == 0 => Status::Tied,
        () if is_allowed => Status::WithinTolerance,
        // Awaited rather than broken, as billed usage may be missing or partial for 48 hours after
        // the lines (`model::domain::semantics §9`); after the tolerance, as sides that agree
        // already need no waiting.
        () if sides.awaited_for.is_some() => Status::Awaited,
        () => Status::Break,
    }
}

/// Keys that are no part of an id: what qualifies a charge may be known today and not tomorrow, and a
/// break that is found finer or coarser is the same break.
const UNNAMED: [Key; 2] = [Key::Availability, Key::Adjustment];

/// Id of a group: a hash of its tie-out, the fine keys but [`UNNAMED`] ones, the rule of its scope,
/// for `line-arithmetic` what was checked, and those of the other keys that it has. Texts are hashed
/// as they are folded: a run whose files spell a key otherwise gives the same id. A change here gives
/// every break a new id, and its history is lost.
fn break_id_of(sides: &Sides, vocabulary: &Vocabulary) -> BreakId {
    let mut hash = blake3::Hasher::new();
    hash.update(sides.tie_out.name().as_bytes());
    let mut add = |text: &str| {
        // A NUL before each text: without it, `ab` and `c` would hash as `a` and `bc` do.
        hash.update(&[0]);
        hash.update(text.as_bytes());
    };
    let (fine, more): (Vec<_>, Vec<_>) = sides
        .keys
        .iter()
        .partition(|(key, _)| FINE_KEYS.contains(key));
    // Fine keys are hashed empty or not: their places alone say which key a text is of.
    for (key, code) in fine.into_iter().filter(|(key, _)| !UNNAMED.contains(key)) {
        add(&vocabulary.folded(key.domain(), code));
    }
    add(sides.scope.rule());
    // One line may have a wrong subtotal and a wrong total: each is a break that keeps its name.
    if sides.tie_out == TieOut::LineArithmetic {
        add(&sides.matched_on);
    }
    // Other keys are left out where they are empty: a key that is added to the table later does not
    // change the ids that there are.
    for (key, code) in more.into_iter().filter(|(_, code)| *code != 0) {
        add(&vocabulary.folded(key.domain(), code));
    }
    BreakId::of(&hash.finalize())
}

/// Numbers groups with equal keys (a coarse pass leaves keys empty, and [`UNNAMED`] keys are no part
/// of an id). The variances must be in their published order.
///
/// # Panics
/// At 2^32 groups with equal keys, more than a run can hold.
pub fn separate_equal_ids<'v>(variances: impl IntoIterator<Item = &'v mut Variance>) {
    let mut last: hashbrown::HashMap<[u8; 8], NonZeroU32> = hashbrown::HashMap::new();
    for variance in variances {
        let BreakId { keys, number } = &mut variance.break_id;
        let next = |last: &mut NonZeroU32| {
            *last = last.checked_add(1).expect("a run has fewer groups");
        };
        *number = *last
            .entry(*keys)
            .and_modify(next)
            .or_insert(NonZeroU32::MIN);
    }
}
