//! From a pipeline file to a plan: parsed, overridden, checked, with every mistake reported at
//! once. Opens no data file.

pub mod mistake;

pub(crate) mod document;

pub(crate) mod overrides;

pub(crate) mod checker;

pub mod listing;

pub mod globs;

pub(crate) mod rounding_modes;

pub mod tolerances;

pub mod output;

pub(crate) mod credentials;

pub mod notices;

pub mod pipeline_plan;

mod canonical;

pub(crate) mod manifest_settings;

pub(crate) mod passes;

pub(crate) mod rounding_rules;

pub(crate) mod tie_outs;

pub(crate) mod acceptances;
pub(crate) mod csv_keys;
pub(crate) mod exclusions;
pub(crate) mod settling;

mod sheets;

pub(crate) mod partner_center;

pub(crate) mod sources;

pub mod parse;

pub mod survey;

#[cfg(test)]
mod tests;
