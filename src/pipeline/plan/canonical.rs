//! Canonical text of a plan, whose hash is part of the run's id: equal settings give equal text,
//! however they are written.
//!
//! A new kind of setting may add a line only where it differs from its usual value, so that the ids
//! of existing pipelines stay as they are.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::pipeline_plan::{Plan, TieOutPlan};
use super::rounding_modes::mode_name;
use crate::engine::matching::passes;
use crate::engine::rules::definitions;
use crate::engine::rules::rounding::Rule;
use crate::engine::rules::tolerance::Tolerance;
use crate::model::cause::TieOut;

impl Plan {
    /// All settings that can change a result, as text: the period, the datasets, the tie-outs and
    /// their settings; neither `out` nor the paths.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        line(
            &mut out,
            format_args!("period={}", text_of(self.period.as_ref())),
        );
        // Paths are no setting: the run id has the name and hash of each file that they match.
        for source in &self.sources {
            line(&mut out, format_args!("source={}", source.dataset.name()));
        }
        for source in &self.records {
            line(&mut out, format_args!("records={}", source.set.name));
        }
        // The two tie-outs that run without being asked for show even that they are disabled.
        let is_shown = |plan: &&TieOutPlan| {
            plan.enabled
                || matches!(
                    plan.tie_out,
                    TieOut::LinesToInvoice | TieOut::UsageToInvoice
                )
        };
        for plan in self.tie_outs.iter().filter(is_shown) {
            tie_out_lines(&mut out, plan);
        }
        // It changes no figure, but the files: one run id has one set of bytes.
        if let Some(form) = self.csv.canonical() {
            line(&mut out, format_args!("{form}"));
        }
        // Of two runs of one id, all files are the same.
        for (name, is_written) in [
            ("report", self.output.reports.page),
            ("workbook", self.output.reports.workbook),
        ] {
            if !is_written {
                line(&mut out, format_args!("output.{name}=false"));
            }
        }
        out
    }
}

fn tie_out_lines(out: &mut String, plan: &TieOutPlan) {
    line(
        out,
        format_args!("tie_out={} enabled={}", plan.tie_out.name(), plan.enabled),
    );
    if plan.passes != passes::passes(definitions::definition(plan.tie_out).passes) {
        for pass in &plan.passes {
            let (name, keys) = (pass.name.escape_default(), pass.key_names().join(","));
            line(out, format_args!("  pass=\"{name}\" keys={keys}"));
        }
    }
    for rule in plan.own_rules() {
        rule_line(out, rule);
    }
    for cause in &plan.without_causes {
        line(out, format_args!("  without_cause={}", cause.name()));
    }
    tolerance_line(out, "all", "", &plan.tolerances.all);
    for (currency, tolerance) in &plan.tolerances.by_currency {
        tolerance_line(out, "currency", currency, tolerance);
    }
    for (customer, tolerance) in &plan.tolerances.by_customer {
        tolerance_line(out, "customer", customer, tolerance);
    }
}

fn rule_line(out: &mut String, rule: &Rule) {
    // Names are free text: escaped, they cannot look like another line.
    let (name, order) = (rule.name.escape_default(), rule.order.name());
    let (mode, usage) = (mode_name(rule.mode), rule.is_of_usage);
    let (pricing, billing) = (rule.pricing_digits, text_of(rule.billing_digits.as_ref()));
    line(
        out,
        format_args!(
            "  rounding=\"{name}\" order={order} mode={mode} pricing={pricing} billing={billing} usage={usage}"
        ),
    );
}

fn tolerance_line(out: &mut String, scope: &str, name: &str, tolerance: &Tolerance) {
    // `0.050` and `0.05` are the same tolerance, and give the same text.
    let amount =
        |amount: Option<Decimal>| text_of(amount.map(|amount| amount.normalize()).as_ref());
    let (absolute, relative, materiality) = (
        amount(tolerance.absolute),
        amount(tolerance.relative),
        amount(tolerance.materiality),
    );
    let name = name.escape_default();
    line(
        out,
        format_args!(
            "  {scope}=\"{name}\" absolute={absolute} relative={relative} materiality={materiality}"
        ),
    );
}

/// Text of a setting; empty for one that is not set.
fn text_of(setting: Option<&impl ToString>) -> String {
    setting.map_or_else(String::new, ToString::to_string)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String cannot fail");
}
