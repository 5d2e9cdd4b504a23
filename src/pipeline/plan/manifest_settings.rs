//! Settings of a tie-out, to the manifest of a run and back, so that `explain` judges as the run
//! did.
//!
//! Both directions stand side by side: a setting that is added to one must be added to the other.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::pipeline_plan::TieOutPlan;
use super::rounding_modes::{MODES, mode_name};
use crate::engine::compare::invoice_practice::PracticeInWords;
use crate::engine::matching::passes::Pass;
use crate::engine::rules::keys::Key;
use crate::engine::rules::rounding::{Order, Rule, Rules};
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::PUBLISHED_SCALE;
use crate::reports::manifest;

/// Settings as the manifest keeps them.
pub(crate) fn to_manifest(plan: &TieOutPlan) -> manifest::TieOut {
    let tolerances = &plan.tolerances;
    let by_name = |tolerances: &BTreeMap<String, Tolerance>| {
        tolerances
            .iter()
            .map(|(name, tolerance)| (name.clone(), tolerance_to_manifest(tolerance)))
            .collect()
    };
    let keys = |pass: &Pass| {
        pass.keys
            .iter()
            .map(|key| key.column().to_owned())
            .collect()
    };
    manifest::TieOut {
        name: plan.tie_out.name().to_owned(),
        all: tolerance_to_manifest(&tolerances.all),
        by_currency: by_name(&tolerances.by_currency),
        by_customer: by_name(&tolerances.by_customer),
        passes: plan
            .passes
            .iter()
            .map(|pass| manifest::Pass {
                name: pass.name.to_string(),
                keys: keys(pass),
            })
            .collect(),
        // The pipeline's own rules alone: the documented ones are part of the program.
        rounding: plan.own_rules().iter().map(rule_to_manifest).collect(),
        without_causes: plan
            .without_causes
            .iter()
            .map(|cause| cause.name().to_owned())
            .collect(),
    }
}

fn tolerance_to_manifest(tolerance: &Tolerance) -> manifest::Tolerance {
    // Normalized as in the canonical text: runs of one id have settings of one spelling.
    let amount = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string());
    manifest::Tolerance {
        absolute: amount(tolerance.absolute),
        relative: amount(tolerance.relative),
        materiality: amount(tolerance.materiality),
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

/// Settings of a tie-out as the run had them. A manifest without them was written before settings
/// were kept, when the usual ones were the only ones.
///
/// # Errors
/// The first setting that no run of this version writes: judged without it, figures would come out
/// otherwise than they were published.
pub(crate) fn from_manifest(
    tie_out: TieOut,
    kept: &[manifest::TieOut],
) -> Result<TieOutPlan, String> {
    let usual = TieOutPlan::usual(tie_out, true);
    let Some(kept) = kept.iter().find(|kept| kept.name == tie_out.name()) else {
        return Ok(usual);
    };
    let by_name = |kept: &BTreeMap<String, manifest::Tolerance>| {
        kept.iter()
            .map(|(name, tolerance)| Ok((name.clone(), tolerance_from_manifest(tolerance)?)))
            .collect::<Result<BTreeMap<String, Tolerance>, String>>()
    };
    let passes = kept.passes.iter().map(|pass| {
        let mut pass = pass_from_manifest(pass)?;
        // Passes that are not the program's own were added by the pipeline.
        pass.may_contradict = !usual.passes.contains(&pass);
        Ok(pass)
    });
    let passes = passes.collect::<Result<Vec<Pass>, String>>()?;
    let rules = kept.rounding.iter().map(rule_from_manifest);
    let rules = rules.collect::<Result<Vec<Rule>, String>>()?;
    let without_causes = kept.without_causes.iter().map(|name| {
        let cause = Cause::ALL.into_iter().find(|cause| cause.name() == name);
        cause.ok_or_else(|| format!("the cause `{name}`"))
    });
    let mut without_causes = without_causes.collect::<Result<Vec<Cause>, String>>()?;
    without_causes.sort_unstable_by_key(|cause| *cause as usize);
    Ok(TieOutPlan {
        tolerances: Tolerances {
            all: tolerance_from_manifest(&kept.all)?,
            by_currency: by_name(&kept.by_currency)?,
            by_customer: by_name(&kept.by_customer)?,
        },
        // A manifest without passes was written before passes could be added.
        passes: if passes.is_empty() {
            usual.passes.clone()
        } else {
            passes
        },
        rules: Rules::with(&rules),
        without_causes,
        ..usual
    })
}

fn tolerance_from_manifest(kept: &manifest::Tolerance) -> Result<Tolerance, String> {
    let amount = |text: &Option<String>| {
        let parsed = text.as_deref().map(|text| {
            Decimal::from_str_exact(text).map_err(|_| format!("the tolerance `{text}`"))
        });
        parsed.transpose()
    };
    Ok(Tolerance {
        absolute: amount(&kept.absolute)?,
        relative: amount(&kept.relative)?,
        materiality: amount(&kept.materiality)?,
    })
}

fn pass_from_manifest(kept: &manifest::Pass) -> Result<Pass, String> {
    let keys = kept
        .keys
        .iter()
        .map(|name| Key::named(name).ok_or_else(|| format!("the key `{name}` of a pass")));
    Ok(Pass {
        name: kept.name.as_str().into(),
        keys: keys.collect::<Result<Vec<Key>, String>>()?,
        may_contradict: false,
    })
}

fn rule_from_manifest(kept: &manifest::Rule) -> Result<Rule, String> {
    let unknown = || format!("the rounding rule `{}`", kept.name);
    let mut orders = Order::ALL.into_iter();
    let mut modes = MODES.into_iter();
    // As the pipeline is checked: more digits than a figure has would overflow.
    let mut digits = [Some(kept.pricing_digits), kept.billing_digits]
        .into_iter()
        .flatten();
    if digits.any(|digits| digits > PUBLISHED_SCALE) {
        return Err(unknown());
    }
    Ok(Rule {
        name: kept.name.clone().into(),
        order: orders
            .find(|order| order.name() == kept.order)
            .ok_or_else(unknown)?,
        mode: modes
            .find(|(name, _)| *name == kept.mode)
            .ok_or_else(unknown)?
            .1,
        pricing_digits: kept.pricing_digits,
        billing_digits: kept.billing_digits,
        is_of_usage: kept.usage,
    })
}

/// Practice of the invoices, as a manifest keeps it.
pub(crate) fn invoices(practice: &[PracticeInWords]) -> Vec<manifest::Invoice> {
    let invoice = |words: &PracticeInWords| manifest::Invoice {
        invoice_number: words.invoice.clone(),
        rounding_rule: words.rule.clone(),
        exchange_rates: words.rates.clone(),
    };
    practice.iter().map(invoice).collect()
}

/// Practice of the invoices that a manifest keeps.
pub(crate) fn practice(invoices: &[manifest::Invoice]) -> Vec<PracticeInWords> {
    let words = |invoice: &manifest::Invoice| PracticeInWords {
        invoice: invoice.invoice_number.clone(),
        rule: invoice.rounding_rule.clone(),
        rates: invoice.exchange_rates.clone(),
    };
    invoices.iter().map(words).collect()
}
