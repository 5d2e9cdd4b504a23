//! A tie-out's settings as the manifest keeps them, and back: `explain` judges as the run did.

use rust_decimal::Decimal;

use super::pipeline_plan::TieOutPlan;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::{DOCUMENTED, Order, Rule, Rules};
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::Rounding;
use crate::reports::manifest;

/// Names of rounding modes in pipelines.
pub(crate) const MODES: [(&str, Rounding); 4] = [
    ("down", Rounding::Down),
    ("floor", Rounding::Floor),
    ("half_up", Rounding::HalfUp),
    ("half_even", Rounding::HalfEven),
];

/// Name of a rounding mode.
pub(crate) fn mode_name(mode: Rounding) -> &'static str {
    MODES
        .into_iter()
        .find(|(_, known)| *known == mode)
        .map_or("down", |(name, _)| name)
}

/// The rules that are not documented but of the pipeline.
pub(crate) fn own_rules(rules: &Rules) -> &[Rule] {
    rules.all().get(DOCUMENTED.len()..).unwrap_or_default()
}

/// The settings as the manifest keeps them.
pub(crate) fn to_manifest(plan: &TieOutPlan) -> manifest::TieOut {
    let amount = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string());
    let tolerance = |tolerance: &Tolerance| manifest::Tolerance {
        absolute: amount(tolerance.absolute),
        relative: amount(tolerance.relative),
        materiality: amount(tolerance.materiality),
    };
    let tolerances = &plan.tolerances;
    let keys = |pass: &Pass| {
        pass.keys
            .iter()
            .map(|key| key.column().to_owned())
            .collect()
    };
    manifest::TieOut {
        name: plan.tie_out.name().to_owned(),
        all: tolerance(&tolerances.all),
        by_currency: tolerances
            .by_currency
            .iter()
            .map(|(key, value)| (key.clone(), tolerance(value)))
            .collect(),
        by_customer: tolerances
            .by_customer
            .iter()
            .map(|(key, value)| (key.clone(), tolerance(value)))
            .collect(),
        passes: plan
            .passes
            .iter()
            .map(|pass| manifest::Pass {
                name: pass.name.to_string(),
                keys: keys(pass),
            })
            .collect(),
        rounding: own_rules(&plan.rules)
            .iter()
            .map(rule_to_manifest)
            .collect(),
        without_causes: plan
            .without_causes
            .iter()
            .map(|cause| cause.name().to_owned())
            .collect(),
    }
}

fn rule_to_manifest(rule: &Rule) -> manifest::Rule {
    manifest::Rule {
        name: rule.name.to_string(),
        order: rule.order.name().to_owned(),
        mode: mode_name(rule.mode).to_owned(),
        pricing_digits: rule.pricing_digits,
        billing_digits: rule.billing_digits,
        usage: rule.is_of_usage,
    }
}

/// The settings as they were; a manifest without them was made with the usual ones.
pub(crate) fn from_manifest(tie_out: TieOut, kept: &[manifest::TieOut]) -> TieOutPlan {
    let usual = TieOutPlan::usual(tie_out, true);
    let Some(kept) = kept.iter().find(|kept| kept.name == tie_out.name()) else {
        return usual;
    };
    let amount = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| Decimal::from_str_exact(text).ok())
    };
    let one = |kept: &manifest::Tolerance| Tolerance {
        absolute: amount(&kept.absolute),
        relative: amount(&kept.relative),
        materiality: amount(&kept.materiality),
    };
    let tolerances = Tolerances {
        all: one(&kept.all),
        by_currency: kept
            .by_currency
            .iter()
            .map(|(key, value)| (key.clone(), one(value)))
            .collect(),
        by_customer: kept
            .by_customer
            .iter()
            .map(|(key, value)| (key.clone(), one(value)))
            .collect(),
    };
    let key = |name: &String| Key::named(name);
    let passes: Vec<Pass> = kept
        .passes
        .iter()
        .map(|pass| Pass {
            name: pass.name.as_str().into(),
            keys: pass.keys.iter().filter_map(key).collect(),
        })
        .collect();
    let rules: Vec<Rule> = kept
        .rounding
        .iter()
        .filter_map(rule_from_manifest)
        .collect();
    TieOutPlan {
        tolerances,
        passes: if passes.is_empty() {
            usual.passes.clone()
        } else {
            passes
        },
        rules: Rules::with(&rules),
        without_causes: Cause::ALL
            .into_iter()
            .filter(|cause| kept.without_causes.iter().any(|name| name == cause.name()))
            .collect(),
        ..usual
    }
}

fn rule_from_manifest(kept: &manifest::Rule) -> Option<Rule> {
    Some(Rule {
        name: kept.name.clone().into(),
        order: Order::ALL
            .into_iter()
            .find(|order| order.name() == kept.order)?,
        mode: MODES.into_iter().find(|(name, _)| *name == kept.mode)?.1,
        pricing_digits: kept.pricing_digits,
        billing_digits: kept.billing_digits,
        is_of_usage: kept.usage,
    })
}
