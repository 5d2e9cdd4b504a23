//! The oracle's matching, quantising and allocation, in plain loops.

use std::collections::{BTreeMap, BTreeSet};

use tieout::model::decimal::{Rounding, divide, proportion};

use super::month::{FINE, IDENTITY, Lines, Month, PASSES, POINT, Usage};
use super::proof::{Members, Proven, practice_of};

/// The fine key of a usage total.
fn fine(key: &[String]) -> Vec<String> {
    FINE.map(|at| key[at].clone()).to_vec()
}

/// Matches: the match of each fine key of usage, the match of each fine key and scope of lines, and
/// what made each match: a pass, a rule, or nothing.
pub(super) type Matches = (
    BTreeMap<Vec<String>, usize>,
    BTreeMap<Vec<String>, usize>,
    Vec<&'static str>,
);

/// Matches usage and lines: rules first, then pass by pass; what is left makes one-sided matches.
pub(super) fn matched(month: &Month) -> Matches {
    let line_key = |key: &[String]| [&key[..9], &key[11..12]].concat();
    let mut open_usage: BTreeSet<Vec<String>> = month.usage.keys().map(|key| fine(key)).collect();
    let mut open_lines: BTreeSet<Vec<String>> =
        month.lines.keys().map(|key| line_key(key)).collect();
    let (mut usage, mut lines, mut made_by) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for key in open_lines.extract_if(.., |key| !key[9].is_empty()) {
        made_by.push(LINE_RULES.into_iter().find(|rule| *rule == key[9]).unwrap());
        lines.insert(key, made_by.len() - 1);
    }
    for (at, (pass, parts)) in PASSES.into_iter().enumerate() {
        let finer = |part: &usize| PASSES[..at].iter().any(|(_, parts)| parts.contains(part));
        let dropped = IDENTITY
            .into_iter()
            .filter(|part| finer(part) && !parts.contains(part));
        for blank in ways_to_be_blank(&dropped.collect::<Vec<usize>>()) {
            // Parts that are blank on one side are no key; all other identity is.
            let wanted: Vec<usize> = parts.iter().chain(&blank.equal).copied().collect();
            let is_blank =
                |key: &[String], parts: &[usize]| parts.iter().all(|at| key[*at].is_empty());
            let coarse = |key: &[String]| -> Vec<String> {
                wanted.iter().map(|at| key[*at].clone()).collect()
            };
            let right: BTreeSet<Vec<String>> = open_lines
                .iter()
                .filter(|key| is_blank(key, &blank.lines))
                .map(|key| coarse(key))
                .collect();
            let both: BTreeSet<Vec<String>> = open_usage
                .iter()
                .filter(|key| is_blank(key, &blank.usage))
                .map(|key| coarse(key))
                .filter(|key| right.contains(key))
                .collect();
            for key in both {
                let number = made_by.len();
                let taken =
                    |blank: &[usize], open: &[String]| is_blank(open, blank) && coarse(open) == key;
                usage.extend(
                    open_usage
                        .extract_if(.., |open| taken(&blank.usage, open))
                        .map(|open| (open, number)),
                );
                lines.extend(
                    open_lines
                        .extract_if(.., |open| taken(&blank.lines, open))
                        .map(|open| (open, number)),
                );
                made_by.push(pass);
            }
        }
    }
    for (open, side) in [(open_usage, &mut usage), (open_lines, &mut lines)] {
        for key in open {
            side.insert(key, made_by.len());
            made_by.push("");
        }
    }
    (usage, lines, made_by)
}

/// Parts of identity that a pass drops: equal on both sides, or blank on one.
#[derive(Clone, Default)]
struct Blank {
    equal: Vec<usize>,
    lines: Vec<usize>,
    usage: Vec<usize>,
}

/// Every way in which dropped parts may agree, those with fewest blanks first.
fn ways_to_be_blank(dropped: &[usize]) -> Vec<Blank> {
    let mut ways = vec![Blank::default()];
    for part in dropped {
        let mut more = Vec::new();
        for way in &ways {
            let mut with = [way.clone(), way.clone(), way.clone()];
            with[0].equal.push(*part);
            with[1].lines.push(*part);
            with[2].usage.push(*part);
            more.extend(with);
        }
        ways = more;
    }
    ways.sort_by_key(|way| way.lines.len() + way.usage.len());
    ways
}

/// Rules by which a line has no usage.
const LINE_RULES: [&str; 5] = [
    "rule:savings_plan",
    "rule:reservation",
    "rule:subscription",
    "rule:licence",
    "rule:perpetual_software",
];

/// Both sides of one match.
#[derive(Default)]
pub(super) struct Group {
    /// The fine key; a part is empty where the members differ in it.
    pub(super) keys: Option<Vec<String>>,
    pub(super) usage: Usage,
    pub(super) lines: Lines,
    pub(super) usage_types: BTreeSet<String>,
    pub(super) line_types: BTreeSet<String>,
    /// What rounding makes of its usage; none where no usage is expected behind its lines.
    pub(super) proven: Option<Proven>,
    /// Published quantity and amount of usage, scale 10.
    pub(super) expected_quantity: i128,
    pub(super) expected: i128,
}

impl Group {
    /// Adds a member's key.
    fn join(&mut self, key: &[String]) {
        let keys = self.keys.get_or_insert_with(|| key.to_vec());
        keys.iter_mut()
            .zip(key)
            .filter(|(known, text)| known != text)
            .for_each(|(known, _)| known.clear());
    }
}

/// The usage of one resource in one match.
pub(super) struct Piece {
    pub(super) resource: Vec<String>,
    pub(super) group: usize,
    pub(super) usage: Usage,
    /// Published amount, published quantity and share of the invoiced amount, scale 10.
    pub(super) shares: [i128; 3],
}

/// Usage totals by resource and match. Totals of a resource follow each other, so that a piece is
/// looked for among the last ones only.
pub(super) fn pieces_of(month: &Month, usage: &BTreeMap<Vec<String>, usize>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (key, total) in &month.usage {
        let (resource, group) = (key[..9].to_vec(), usage[&fine(key)]);
        let known = pieces
            .iter_mut()
            .rev()
            .take_while(|piece| piece.resource == resource)
            .find(|piece| piece.group == group);
        let Some(piece) = known else {
            pieces.push(Piece {
                resource,
                group,
                usage: total.clone(),
                shares: [0; 3],
            });
            continue;
        };
        piece.usage.rows += total.rows;
        piece.usage.amount += total.amount;
        piece.usage.quantity += total.quantity;
        piece.usage.days.extend(&total.days);
    }
    pieces
}

/// Shares that add up to `total`: floors, and one unit more for each of the largest remainders, the
/// first of equal ones.
fn largest_remainder(floors: Vec<i128>, remainders: &[u128], total: i128) -> Vec<i128> {
    let mut order: Vec<usize> = (0..floors.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(remainders[*at]));
    let missing = usize::try_from(total - floors.iter().sum::<i128>()).unwrap();
    let mut shares = floors;
    order[..missing].iter().for_each(|at| shares[*at] += 1);
    shares
}

/// Rounds amounts and quantities once for each customer, subscription, entitlement, meter, resource
/// and currency, and gives the pieces of each their shares.
pub(super) fn quantise(pieces: &mut [Piece]) {
    let mut quanta: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (at, piece) in pieces.iter().enumerate() {
        quanta
            .entry(
                [1, 2, 3, 6, 7, 8]
                    .map(|part: usize| piece.resource[part].clone())
                    .to_vec(),
            )
            .or_default()
            .push(at);
    }
    for members in quanta.values() {
        for which in [0, 1] {
            let exact: Vec<i128> = members
                .iter()
                .map(|at| [pieces[*at].usage.amount, pieces[*at].usage.quantity][which])
                .collect();
            let total = divide(exact.iter().sum(), POINT, Rounding::HalfUp);
            let remainders: Vec<u128> = exact
                .iter()
                .map(|exact| exact.rem_euclid(POINT).unsigned_abs())
                .collect();
            let floors = exact.iter().map(|exact| exact.div_euclid(POINT)).collect();
            for (at, share) in members
                .iter()
                .zip(largest_remainder(floors, &remainders, total))
            {
                pieces[*at].shares[which] = share;
            }
        }
    }
}

/// Gives each piece of a match its own amount, and its part of what the match is invoiced beyond
/// these: in proportion to the sizes of the exact usage amounts; of quantities if all amounts are
/// zero; evenly if those are zero, too.
pub(super) fn allocate(pieces: &mut [Piece], members: &[usize], invoiced: i128) {
    let own: i128 = members.iter().map(|at| pieces[*at].shares[0]).sum();
    let variance = invoiced - own;
    let weights = |of: fn(&Usage) -> i128| -> Vec<u128> {
        members
            .iter()
            .map(|at| of(&pieces[*at].usage).unsigned_abs())
            .collect()
    };
    let mut weights = [
        weights(|usage| usage.amount),
        weights(|usage| usage.quantity),
        vec![1; members.len()],
    ]
    .into_iter();
    let weights = weights
        .find(|weights| weights.iter().any(|weight| *weight > 0))
        .unwrap();
    let whole = weights.iter().sum();
    let (floors, remainders): (Vec<i128>, Vec<u128>) = weights
        .iter()
        .map(|weight| proportion(variance.unsigned_abs(), *weight, whole))
        .map(|(share, rest)| (share.cast_signed(), rest))
        .unzip();
    for (at, share) in members
        .iter()
        .zip(largest_remainder(floors, &remainders, variance.abs()))
    {
        pieces[*at].shares[2] = pieces[*at].shares[0] + share * variance.signum();
    }
}

/// Both sides of each match, with what the invoice's rounding makes of its usage.
pub(super) fn groups_of(
    month: &Month,
    (usage, lines, made_by): &Matches,
    pieces: &[Piece],
) -> Vec<Group> {
    let mut groups: Vec<Group> = made_by.iter().map(|_| Group::default()).collect();
    let mut behind: Vec<Members<'_>> = made_by.iter().map(|_| Members::default()).collect();
    for (key, total) in &month.usage {
        let number = usage[&fine(key)];
        let group = &mut groups[number];
        group.join(&fine(key));
        group.usage.rows += total.rows;
        group.usage.amount += total.amount;
        group.usage_types.insert(key[11].clone());
        behind[number].usage.push((key, total));
    }
    for (key, total) in &month.lines {
        let number = lines[&[&key[..9], &key[11..12]].concat()];
        let group = &mut groups[number];
        group.join(&key[..9]);
        group.line_types.insert(key[9].clone());
        group.lines.rows += total.rows;
        group.lines.quantity += total.quantity;
        group.lines.subtotal += total.subtotal;
        behind[number].lines.push((key, total));
    }
    let practice = practice_of(month);
    for ((group, behind), pass) in groups.iter_mut().zip(&behind).zip(made_by) {
        let keys = group.keys.as_ref().unwrap();
        if !pass.starts_with("rule:") {
            group.proven = Some(behind.proven(&practice[&keys[0]], &keys[8]));
        }
    }
    for piece in pieces {
        groups[piece.group].expected += piece.shares[0];
        groups[piece.group].expected_quantity += piece.shares[1];
    }
    // Nothing says what lines out of scope should come to: they stand on both sides.
    let made = groups.iter_mut().zip(made_by);
    for (group, _) in made.filter(|(_, pass)| pass.starts_with("rule:")) {
        group.expected = divide(group.lines.subtotal, POINT, Rounding::HalfUp);
        group.expected_quantity = divide(group.lines.quantity, POINT, Rounding::HalfUp);
    }
    groups
}
