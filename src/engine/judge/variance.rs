//! A compared group, judged: its tolerance, status, cause, parts, and the id it has in every run.

use crate::engine::compare::group::Sides;
use crate::engine::failure::EngineError;
use crate::engine::rules::keys::{FINE_KEYS, Key};
use std::fmt;

use crate::engine::causes::attribute::{self, AttributionInput};
use crate::engine::causes::finding::Finding;
use crate::engine::fold::vocabulary::Vocabulary;
use crate::engine::rules::definitions::Measure;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::scope::Scope;
use crate::engine::rules::tolerance::{Limit, Tolerances};
use crate::model::cause::{Cause, Status};
use crate::model::decimal::{AMOUNT_SCALE, PUBLISHED_SCALE, Rounding, rescale};

/// What a group is known by, the same in every run: 16 hexadecimal digits, enough for any number of
/// breaks that a person looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakId([u8; 8]);

impl BreakId {
    fn of(hash: &blake3::Hash) -> Self {
        Self(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for BreakId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Parts of a variance, in units of 10^-10. Most variances have one.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    one: Option<(Cause, i128)>,
    more: Option<Box<[i128; Cause::ALL.len()]>>,
}

impl Parts {
    fn of(parts: &[i128; Cause::ALL.len()]) -> Self {
        let mut found = Cause::ALL
            .into_iter()
            .zip(*parts)
            .filter(|(_, part)| *part != 0);
        match (found.next(), found.next()) {
            (one, None) => Self { one, more: None },
            _ => Self {
                one: None,
                more: Some(Box::new(*parts)),
            },
        }
    }

    /// The part of a cause.
    #[must_use]
    pub fn by(&self, cause: Cause) -> i128 {
        let of_one = || {
            self.one
                .filter(|(of, _)| *of == cause)
                .map_or(0, |(_, part)| part)
        };
        self.more.as_ref().map_or_else(of_one, |parts| {
            parts.get(cause as usize).copied().unwrap_or(0)
        })
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> i128 {
        Cause::ALL.iter().map(|cause| self.by(*cause)).sum()
    }
}

/// A row of `variances`.
#[derive(Clone, Debug)]
pub struct Variance {
    /// What was compared.
    pub sides: Sides,
    /// Largest variance that is no break, in units of 10^-10.
    pub tolerance_amount: i128,
    /// What decided it.
    pub limit: Limit,
    /// Where the group stands.
    pub status: Status,
    /// The largest part; `None` where there is no variance.
    pub cause: Option<Cause>,
    /// Parts of the variance by [`Cause::ALL`], in units of 10^-10.
    pub parts: Parts,
    /// The same in every run.
    pub break_id: BreakId,
    /// What was found out about it, if rounding alone cannot make it.
    pub finding: Option<Box<Finding>>,
}

/// Says of a group what tolerance, status and causes it has. `off` names causes that are not
/// looked for.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn judge(
    sides: Sides,
    tolerances: &Tolerances,
    vocabulary: &Vocabulary,
    finding: Option<Box<Finding>>,
    off: &[Cause],
) -> Result<Variance, EngineError> {
    let (expected, variance) = sides.compared();
    let exact = |amount: i128| {
        rescale(amount, PUBLISHED_SCALE, AMOUNT_SCALE, Rounding::Down)
            .ok_or(EngineError::AmountOverflow)
    };
    let derived = sides.bounds.toward(variance);
    let currency = vocabulary.text(Domain::Currency, sides.keys[Key::Currency]);
    let settings = tolerances.of(
        currency,
        &vocabulary.folded(Domain::Customer, sides.keys[Key::Customer]),
    );
    let (limit_amount, limit) = settings
        .limit(derived, exact(expected)?)
        .ok_or(EngineError::AmountOverflow)?;
    let size = exact(variance)?
        .checked_abs()
        .ok_or(EngineError::AmountOverflow)?;
    let status = match () {
        () if sides.scope != Scope::Usage => Status::OutOfScope,
        () if variance == 0 => Status::Tied,
        () if size <= limit_amount => Status::WithinTolerance,
        () if sides.is_awaited => Status::Awaited,
        () => Status::Break,
    };
    let bridge = finding.as_ref().map(|finding| &finding.steps);
    let amount = sides.variance_amount();
    let parts = attribute::split(
        &AttributionInput {
            sides: &sides,
            variance: amount,
            within_rounding: size <= derived,
            bridge,
        },
        off,
    );
    let cause = match sides.measure {
        Measure::Amount => attribute::largest(&parts),
        Measure::Quantity => attribute::of_quantity(&sides, variance, size <= derived),
    };
    let break_id = break_id_of(&sides, vocabulary);
    Ok(Variance {
        tolerance_amount: rescale(limit_amount, AMOUNT_SCALE, PUBLISHED_SCALE, Rounding::Down)
            .ok_or(EngineError::AmountOverflow)?,
        limit,
        status,
        cause,
        parts: Parts::of(&parts),
        break_id,
        finding,
        sides,
    })
}

/// The id of a group: of its tie-out, the fine keys, the rule of its scope, and those of the other keys
/// that it has.
fn break_id_of(sides: &Sides, vocabulary: &Vocabulary) -> BreakId {
    let mut hash = blake3::Hasher::new();
    hash.update(sides.tie_out.name().as_bytes());
    let mut add = |text: &str| {
        hash.update(&[0]);
        hash.update(text.as_bytes());
    };
    let (fine, more): (Vec<_>, Vec<_>) = sides
        .keys
        .iter()
        .partition(|(key, _)| FINE_KEYS.contains(key));
    for (key, code) in fine {
        add(&vocabulary.folded(key.domain(), code));
    }
    add(sides.scope.rule());
    for (key, code) in more.into_iter().filter(|(_, code)| *code != 0) {
        add(&vocabulary.folded(key.domain(), code));
    }
    BreakId::of(&hash.finalize())
}

/// Gives groups whose keys look alike (a coarse pass leaves keys empty) ids of their own. The
/// variances must be in their published order.
pub fn separate_equal_ids(variances: &mut [Variance]) {
    let mut seen: hashbrown::HashMap<BreakId, u32> = hashbrown::HashMap::new();
    for variance in variances {
        let count = seen
            .entry(variance.break_id)
            .and_modify(|count| *count += 1)
            .or_insert(0);
        if *count > 0 {
            variance.break_id = BreakId::of(&blake3::hash(
                format!("{}#{count}", variance.break_id).as_bytes(),
            ));
        }
    }
}
