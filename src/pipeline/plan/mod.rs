//! A pipeline file to a plan: parsed, checked, every mistake at once. Opens no data file.

pub(crate) mod checker;
pub(crate) mod document;
pub(crate) mod manifest_settings;
pub mod mistake;
pub(crate) mod overrides;
pub(crate) mod parse;
pub(crate) mod partner_center;
pub mod pipeline_plan;
pub mod survey;
#[cfg(test)]
mod tests;
pub(crate) mod tie_outs;
pub(crate) mod tolerances;
