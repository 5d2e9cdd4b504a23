//! From a published figure back to its source lines, and the arithmetic from them to it. Only the
//! units that hold the key are read again; they must be the bytes that the run read.

mod answer;
mod gather;
mod invoice;
mod other;
mod published;

use std::collections::{BTreeMap, HashMap};

pub use self::answer::{Explanation, Group, Request, Resources, Side, SourceLine, Target};
use self::gather::{Found, Gatherer};
use self::published::Published;
use super::failure::RunError;
use crate::engine::causes::finding::Finding;
use crate::engine::causes::investigate;
use crate::engine::compare::group::Sides;
use crate::engine::compare::usage_to_invoice;
use crate::engine::count::partial::Partial;
use crate::engine::fold::columns::{self, LineColumns};
use crate::engine::fold::folded::{self, Folded, OtherInputs};
use crate::engine::fold::row_key::FineKey;
use crate::engine::judge::variance::{self, Variance};
use crate::engine::matching::passes::{self, Matching};
use crate::engine::rules::domain::{Domain, fold_as};
use crate::engine::rules::keys::{
    DESCRIPTION_PARTS, FINE_KEYS, Key, LINES_FRAME, Part, RESOURCE_KEYS, USAGE_FRAME,
};
use crate::engine::rules::scope::Scope;
use crate::model::cause::{Cause, TieOut};
use crate::model::dataset::Dataset;
use crate::model::decimal::{self, AMOUNT_SCALE, PUBLISHED_SCALE, fixed, plain};
use crate::model::period::date_of;
use crate::pipeline::plan::pipeline_plan::TieOutPlan;

/// Groups explained at most for one set of keys.
const GROUPS_LIMIT: usize = 20;

/// Explains a figure of a published run.
///
/// # Errors
/// [`RunError`]: no such run, break or usage; a source that changed; or a figure that the sources
/// do not come to any more, which must never be.
pub fn explain(request: &Request) -> Result<Explanation, RunError> {
    let published = Published::open(&request.out, request.run.as_deref())?;
    match &request.target {
        Target::Break(id) => {
            let row = published.find(id)?;
            if row.tie_out == TieOut::LinesToInvoice.name() {
                return invoice::explain(request, &published, &row);
            }
            if row.tie_out != TieOut::UsageToInvoice.name() {
                return other::explain(&published, row);
            }
            let account = (
                fold_as(Domain::Customer, &row.customer_id),
                fold_as(Domain::Subscription, &row.subscription_id),
            );
            let recount = Recount::new(&published, (Some(account.0), Some(account.1)))?;
            recount.explain(
                request,
                |_, variance| variance.break_id.to_string() == *id,
                &[],
            )
        }
        Target::Keys(keys) => {
            let wanted = |name: &str, domain| {
                keys.iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| fold_as(domain, value))
            };
            let account = (
                wanted("customer_id", Domain::Customer),
                wanted("subscription_id", Domain::Subscription),
            );
            let recount = Recount::new(&published, account)?;
            let picked = recount.picked(keys)?;
            recount.explain(request, |number, _| picked.contains_key(&number), keys)
        }
    }
}

/// The reconciliation of one account, done again from its source lines.
struct Recount<'p> {
    published: &'p Published,
    account: (Option<String>, Option<String>),
    used: Vec<(String, String)>,
    totals: Folded,
    matching: Matching,
    compared: Vec<Sides>,
    resources: Vec<usage_to_invoice::Resource>,
    findings: hashbrown::HashMap<u32, Finding>,
    settings: TieOutPlan,
}

impl<'p> Recount<'p> {
    fn new(
        published: &'p Published,
        account: (Option<String>, Option<String>),
    ) -> Result<Self, RunError> {
        let used = published.used_products()?;
        let count =
            |dataset| -> Result<Partial, RunError> { gather::count(published, dataset, &account) };
        let mut totals = folded::fold_partials(
            count(Dataset::Usage)?,
            count(Dataset::InvoiceLines)?,
            &[],
            &used,
            OtherInputs::default(),
        )?;
        for (invoice, period) in published.periods()? {
            if let Some(code) = totals.vocabulary.code(Domain::Invoice, &invoice) {
                totals.periods.insert(code, period);
            }
        }
        let learned = &published.manifest.meter_description_is;
        let description = DESCRIPTION_PARTS
            .into_iter()
            .find(|part| part.column() == learned);
        let settings = published.settings(TieOut::UsageToInvoice);
        let matching = passes::match_usage(&totals, description, &settings.passes);
        let compared = usage_to_invoice::compare(&totals, &matching, &settings.rules)?;
        let mut findings =
            investigate::investigate(&totals, &matching, &compared.sides, &settings.rules)?;
        investigate::narrow(&mut findings, &compared.sides);
        let usage_to_invoice::Compared {
            sides: compared,
            resources,
        } = compared;
        Ok(Self {
            published,
            account,
            used,
            totals,
            matching,
            compared,
            resources,
            findings,
            settings,
        })
    }

    /// Matches that hold rows with all of these keys; lines count only where no usage fits.
    fn picked(&self, keys: &[(String, String)]) -> Result<HashMap<u32, ()>, RunError> {
        let mut picked = HashMap::new();
        for (frame, matches, is_usage) in [
            (&self.totals.usage, &self.matching.of_usage, true),
            (&self.totals.lines, &self.matching.of_lines, false),
        ] {
            let Some(rows) = self.fitting_rows(frame, keys, is_usage)? else {
                continue;
            };
            if is_usage || picked.is_empty() {
                picked.extend(
                    rows.into_iter()
                        .filter_map(|row| matches.get(row).map(|number| (*number, ()))),
                );
            }
        }
        if picked.is_empty() {
            let words: Vec<String> = keys
                .iter()
                .map(|(name, value)| format!("`{name}={value}`"))
                .collect();
            return Err(RunError::NotThere {
                what: words.join(" "),
                found: "no usage and no invoice line".to_owned(),
                wanted: "keys of the run".to_owned(),
                hint: "`resources` and `variances` of the run hold the keys that are there"
                    .to_owned(),
            });
        }
        Ok(picked)
    }

    /// Rows of a frame that have all keys; `None` where the frame lacks one of the columns.
    fn fitting_rows(
        &self,
        frame: &polars::prelude::DataFrame,
        keys: &[(String, String)],
        is_usage: bool,
    ) -> Result<Option<Vec<usize>>, RunError> {
        let mut rows: Vec<usize> = (0..frame.height()).collect();
        for (name, value) in keys {
            let Some(part) = Part::picked_by(name) else {
                return Ok(None);
            };
            let columns: &[Part] = if is_usage { &USAGE_FRAME } else { &LINES_FRAME };
            let column = match part {
                Part::Description if is_usage => self.matching.description,
                part if columns.contains(&part) => part,
                _ => return Ok(None),
            };
            let code = self.totals.vocabulary.code(part.domain(), value);
            let codes = columns::codes(frame, column.column());
            rows.retain(|row| code == Some(codes[*row]));
        }
        Ok(Some(rows))
    }

    fn explain(
        &self,
        request: &Request,
        wanted: impl Fn(u32, &Variance) -> bool,
        keys: &[(String, String)],
    ) -> Result<Explanation, RunError> {
        let settings = &self.settings;
        let mut chosen: Vec<(u32, Variance)> = Vec::new();
        for (number, sides) in (0..).zip(&self.compared) {
            let finding = self.findings.get(&number).cloned().map(Box::new);
            let variance = variance::judge(
                sides.clone(),
                &settings.tolerances,
                &self.totals.vocabulary,
                finding,
                &settings.without_causes,
            )?;
            if wanted(number, &variance) {
                chosen.push((number, variance));
            }
        }
        chosen.sort_by_key(|(_, variance)| {
            std::cmp::Reverse(variance.sides.variance_amount().unsigned_abs())
        });
        let groups_more = chosen.len().saturating_sub(GROUPS_LIMIT);
        chosen.truncate(GROUPS_LIMIT);
        let mut found = self.source_rows(&chosen, keys)?;
        let groups = chosen
            .iter()
            .map(|(number, variance)| {
                let rows = found.remove(number).unwrap_or_default();
                self.group(*number, variance, rows, request.limit)
            })
            .collect::<Result<Vec<Group>, RunError>>()?;
        let resources = if keys.is_empty() {
            None
        } else {
            self.resources(keys)
        };
        Ok(Explanation {
            run_id: self.published.run_id.clone(),
            groups,
            groups_more,
            resources,
        })
    }

    /// Source rows of the chosen groups, by match.
    fn source_rows(
        &self,
        chosen: &[(u32, Variance)],
        keys: &[(String, String)],
    ) -> Result<HashMap<u32, [Found; 2]>, RunError> {
        let mut by_key: HashMap<(FineKey, Scope), u32> = HashMap::new();
        for (frame, matches, is_usage) in [
            (&self.totals.usage, &self.matching.of_usage, true),
            (&self.totals.lines, &self.matching.of_lines, false),
        ] {
            for (row, number) in matches
                .iter()
                .enumerate()
                .filter(|(_, number)| chosen.iter().any(|(chosen, _)| chosen == *number))
            {
                let key = FINE_KEYS.map(|key| {
                    let part = match key {
                        Key::Description if is_usage => self.matching.description,
                        key => key.part(),
                    };
                    let code = columns::codes(frame, part.column())[row];
                    self.totals.vocabulary.folded(key.domain(), code)
                });
                let scope = if is_usage {
                    Scope::Usage
                } else {
                    LineColumns::of(frame).scope(row)
                };
                by_key.insert((key, scope), *number);
            }
        }
        let gatherer = Gatherer {
            description: self.matching.description,
            account: &self.account,
            by_key: &by_key,
            used: &self.used,
            keys,
        };
        gatherer.gather(self.published)
    }

    fn group(
        &self,
        number: u32,
        variance: &Variance,
        [usage, lines]: [Found; 2],
        limit: usize,
    ) -> Result<Group, RunError> {
        let sides = &variance.sides;
        let vocabulary = &self.totals.vocabulary;
        let codes = FINE_KEYS.map(|key| {
            (
                key.published(),
                vocabulary.text(key.domain(), sides.keys[key]),
            )
        });
        let mut keys: Vec<(&'static str, String)> = codes
            .into_iter()
            .map(|(name, text)| (name, text.to_owned()))
            .collect();
        let customer = self
            .totals
            .names
            .code(Domain::CustomerName, [sides.keys[Key::Customer], 0, 0]);
        keys.insert(
            2,
            (
                "customer_name",
                vocabulary.text(Domain::CustomerName, customer).to_owned(),
            ),
        );
        keys.retain(|(_, text)| !text.is_empty());
        let row = self.published.find(&variance.break_id.to_string())?;
        let agrees = row.expected_amount == fixed(sides.expected_amount, PUBLISHED_SCALE)
            && row.invoiced_amount == fixed(sides.invoiced_amount, PUBLISHED_SCALE)
            && (usage.rows, lines.rows) == (sides.expected_rows, sides.invoiced_rows);
        if !agrees {
            return Err(RunError::Disagrees {
                break_id: variance.break_id.to_string(),
                published: format!(
                    "{} expected and {} invoiced",
                    row.expected_amount, row.invoiced_amount
                ),
                recounted: format!(
                    "{} and {}",
                    fixed(sides.expected_amount, PUBLISHED_SCALE),
                    fixed(sides.invoiced_amount, PUBLISHED_SCALE)
                ),
            });
        }
        Ok(Group {
            break_id: variance.break_id.to_string(),
            tie_out: sides.tie_out.name(),
            keys,
            matched_on: sides.matched_on.to_string(),
            // What is awaited is known to the whole run only.
            status: row.status,
            expected: usage.side("BillingPreTaxTotal", sides.expected_amount, limit),
            invoiced: lines.side("Subtotal", sides.invoiced_amount, limit),
            variance_amount: fixed(sides.variance_amount(), PUBLISHED_SCALE),
            tolerance_amount: fixed(variance.tolerance_amount, PUBLISHED_SCALE),
            tolerance_is: variance.limit.name(),
            parts: parts_of(variance),
            workings: self.workings(number, variance)?,
            narrowest: self.narrowest(variance),
            units: Vec::new(),
        })
    }

    /// The arithmetic of the parts that are not zero.
    fn workings(
        &self,
        number: u32,
        variance: &Variance,
    ) -> Result<Vec<(&'static str, String)>, RunError> {
        if variance.finding.is_none() {
            return Ok(Vec::new());
        }
        let workings = investigate::workings(
            &self.totals,
            &self.matching,
            &self.compared,
            number,
            &self.settings.rules,
        );
        let is_told = |cause: Cause| variance.parts.by(cause) != 0;
        Ok(workings
            .into_iter()
            .filter(|working| is_told(working.cause))
            .map(|working| (working.cause.name(), working.text))
            .collect())
    }

    /// The narrowest level, with the resource and the days that it concerns.
    fn narrowest(&self, variance: &Variance) -> String {
        let Some(finding) = &variance.finding else {
            return String::new();
        };
        let mut words = finding.narrowest.name().to_owned();
        if let Some(resource) = finding.resource.filter(|code| *code != 0) {
            words += &format!(
                " {}",
                self.totals.vocabulary.text(Domain::Resource, resource)
            );
        }
        if let Some((Some(first), Some(last))) = finding
            .days
            .map(|(first, last)| (date_of(first), date_of(last)))
        {
            words += &if first == last {
                format!(", {first}")
            } else {
                format!(", {first} to {last}")
            };
        }
        words
    }

    fn resources(&self, keys: &[(String, String)]) -> Option<Resources> {
        let mut wanted: BTreeMap<usize, u32> = BTreeMap::new();
        for (name, value) in keys {
            let part = Part::picked_by(name)?;
            let at = RESOURCE_KEYS.iter().position(|of| *of == part)?;
            wanted.insert(at, self.totals.vocabulary.code(part.domain(), value)?);
        }
        let fits = |key: &[u32]| wanted.iter().all(|(at, code)| key[*at] == *code);
        let rows: Vec<_> = self
            .resources
            .iter()
            .filter(|resource| fits(&resource.key))
            .collect();
        let (expected, invoiced) = rows.iter().fold((0, 0), |(expected, invoiced), row| {
            (
                expected + row.expected_amount,
                invoiced + row.invoiced_amount,
            )
        });
        Some(Resources {
            rows: rows.len(),
            expected_amount: fixed(expected, PUBLISHED_SCALE),
            invoiced_amount: fixed(invoiced, PUBLISHED_SCALE),
            variance_amount: fixed(invoiced - expected, PUBLISHED_SCALE),
        })
    }
}

/// left - right, both published text.
fn difference(left: &str, right: &str) -> String {
    let number = |text: &str| {
        decimal::parse(text.as_bytes(), PUBLISHED_SCALE).map_or(0, |parsed| parsed.value)
    };
    fixed(number(left) - number(right), PUBLISHED_SCALE)
}

/// The parts of a variance that are not zero.
fn parts_of(variance: &Variance) -> Vec<(&'static str, String)> {
    let parts = Cause::ALL
        .into_iter()
        .map(|cause| (cause, variance.parts.by(cause)))
        .filter(|(_, amount)| *amount != 0);
    parts
        .map(|(cause, amount)| (cause.name(), fixed(amount, PUBLISHED_SCALE)))
        .collect()
}

impl Found {
    fn side(mut self, column: &'static str, published: i128, limit: usize) -> Side {
        self.lines
            .sort_by(|left, right| (&left.unit, left.line).cmp(&(&right.unit, right.line)));
        self.lines.truncate(limit);
        Side {
            column,
            rows: self.rows,
            exact_sum: plain(self.sum, AMOUNT_SCALE),
            published: fixed(published, PUBLISHED_SCALE),
            picked_rows: self.picked_rows,
            picked_sum: plain(self.picked_sum, AMOUNT_SCALE),
            lines: self.lines,
        }
    }
}
