//! The `tie_out` tables: which tie-outs are done, and with which settings.

use std::collections::BTreeSet;

use super::checker::{Checker, join, quoted};
use super::document::{Entry, Value, get};
use super::pipeline_plan::TieOutPlan;
use super::{passes, rounding_rules, tolerances};
use crate::engine::rules::definitions::{self, Definition};
use crate::engine::rules::rounding::Rules;
use crate::model::cause::{Cause, TieOut};

/// Reads the tables; `sources` are the names of the datasets that the pipeline has.
pub(crate) fn read(
    checker: &mut Checker<'_>,
    root: &[Entry],
    sources: &BTreeSet<&str>,
) -> Vec<TieOutPlan> {
    let entries = checker.optional_table("tie_out", get(root, "tie_out"));
    checker.known("tie_out", entries, &TieOut::ALL.map(TieOut::name));
    let plan = |tie_out: TieOut| {
        let definition = definitions::definition(tie_out);
        let lacking = definition
            .needs
            .iter()
            // Each side needs one of several datasets; the first side that has none is reported.
            .find(|needed| !needed.iter().any(|name| sources.contains(name)))
            .copied();
        match get(entries, tie_out.name()) {
            Some(entry) => tie_out_of(checker, definition, entry, lacking),
            None => TieOutPlan::usual(tie_out, is_unasked(tie_out) && lacking.is_none()),
        }
    };
    TieOut::ALL.into_iter().map(plan).collect()
}

/// True of the tie-outs that every invoice allows: they are done even where the pipeline does
/// not name them. The others are done when they are named.
fn is_unasked(tie_out: TieOut) -> bool {
    matches!(
        tie_out,
        TieOut::UsageToInvoice | TieOut::LinesToInvoice | TieOut::LineArithmetic
    )
}

/// Reads one table. `lacking` are the datasets of which the tie-out needs one, and has none.
fn tie_out_of(
    checker: &mut Checker<'_>,
    definition: &Definition,
    entry: &Entry,
    lacking: Option<&[&str]>,
) -> TieOutPlan {
    let tie_out = definition.tie_out;
    let key = join("tie_out", tie_out.name());
    let fields = checker.optional_table(&key, Some(entry));
    let known = ["enabled", "tolerance", "rounding", "without_causes", "pass"];
    // A line is held against itself: there is nothing to match.
    let has_passes = tie_out != TieOut::LineArithmetic;
    checker.known(
        &key,
        fields,
        &known[..known.len() - usize::from(!has_passes)],
    );
    // A table without `enabled` enables its tie-out: to name it is to ask for it.
    let mut plan = TieOutPlan::usual(tie_out, lacking.is_none());
    enable(checker, &key, entry, fields, lacking, &mut plan);
    if let Some(entry) = get(fields, "tolerance") {
        plan.tolerances = tolerances::read(checker, &join(&key, "tolerance"), entry);
    }
    if let Some(entry) = get(fields, "pass").filter(|_| has_passes) {
        let key = join(&key, "pass");
        passes::read(checker, &key, entry, definition, &mut plan.passes);
    }
    if let Some(entry) = get(fields, "rounding") {
        let added = rounding_rules::read(checker, &join(&key, "rounding"), entry);
        plan.rules = Rules::with(&added);
    }
    if let Some(entry) = get(fields, "without_causes") {
        plan.without_causes = causes(checker, &join(&key, "without_causes"), entry);
    }
    plan
}

/// Sets `plan.enabled`, and checks it against the datasets that the pipeline lacks.
fn enable(
    checker: &mut Checker<'_>,
    key: &str,
    table: &Entry,
    fields: &[Entry],
    lacking: Option<&[&str]>,
    plan: &mut TieOutPlan,
) {
    let key_of_enabled = join(key, "enabled");
    let asked = match get(fields, "enabled") {
        None => None,
        Some(entry) => match entry.node.value {
            Value::Boolean(is_wanted) => Some((is_wanted, entry)),
            _ => {
                checker.wrong(&key_of_enabled, &entry.node, "`true` or `false`", None);
                None
            }
        },
    };
    match (asked, lacking) {
        // To disable a tie-out that cannot be done is no contradiction.
        (Some((false, _)), _) => plan.enabled = false,
        (Some((true, asked)), Some(lacking)) => {
            let wanted = if plan.tie_out == TieOut::LinesToInvoice {
                "`false`, as there are no invoices to compare with".to_owned()
            } else {
                format!("`false`, as there is no source {}", quoted(lacking, " or "))
            };
            let hint = format!("add `[source.{}.files]`, or remove `enabled`", lacking[0]);
            checker.wrong(&key_of_enabled, &asked.node, &wanted, Some(hint));
        }
        // A tie-out that is done unasked may be tuned without its data: it is then not done.
        (None, Some(lacking)) if !is_unasked(plan.tie_out) => {
            let hint = format!("add `[source.{}.files]`, or fetch it", lacking[0]);
            checker.note(
                &table.place,
                key,
                "no data for this tie-out".to_owned(),
                &format!("the source {}", quoted(lacking, " or ")),
                Some(hint),
            );
        }
        (None, _) | (Some((true, _)), None) => {}
    }
}

/// Causes in a list of names. `unexplained` is none that could be left out: it is the remainder.
fn causes(checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Vec<Cause> {
    let known: Vec<&str> = Cause::ALL
        .iter()
        .filter(|cause| **cause != Cause::Unexplained)
        .map(|cause| cause.name())
        .collect();
    let Value::List(items) = &entry.node.value else {
        checker.wrong(
            key,
            &entry.node,
            "a list of causes",
            Some("for example `without_causes = [\"price\"]`".to_owned()),
        );
        return Vec::new();
    };
    let mut causes = Vec::new();
    for item in items {
        let found = match &item.value {
            Value::Text(text) => Cause::ALL
                .into_iter()
                .find(|cause| cause.name() == text && *cause != Cause::Unexplained),
            _ => None,
        };
        match found {
            Some(cause) => causes.push(cause),
            None => checker.wrong(key, item, &format!("one of {}", quoted(&known, ", ")), None),
        }
    }
    causes
}
