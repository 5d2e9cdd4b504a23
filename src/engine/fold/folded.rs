//! Everything that was counted, folded: spellings are one, codes stand for texts, and rows stand in
//! a fixed order.
//!
//! Usage and lines are folded whole ([`fold_partials`]), or part by part over one vocabulary, where
//! they exceed the memory ([`fold_before_parts`], then [`Folded::take_part`] for each part).
//! Folding takes three steps: every text gets a number in the order of arrival, the numbers become
//! codes in the order of the texts, and the totals become rows that are sorted by codes. No step
//! depends on the order of files, rows or threads.

use hashbrown::{HashMap, HashSet};
use polars::prelude::DataFrame;

use super::across_parts::AcrossParts;
use super::codes::Codes;
use super::days::{self, DayRow};
use super::display_names::DisplayNames;
use super::entries::{Entries, EntryRows, NumberedEntries};
use super::frames::{lines_frame, usage_frame};
use super::invoice_months::InvoiceMonths;
use super::vocabulary::{Vocabulary, VocabularyBuilder};
use crate::engine::count::duplicates::Duplicates;
use crate::engine::count::header::Header;
use crate::engine::count::partial::Partial;
use crate::engine::failure::EngineError;
use crate::engine::rules::domain::{Domain, LOCAL};
use crate::model::dataset::Dataset;
use crate::model::period::Period;

/// Everything that was counted, by code.
#[derive(Debug)]
pub struct Folded {
    /// Texts of the codes.
    pub vocabulary: Vocabulary,
    /// Usage, with the columns of [`UsageColumns`](super::columns::UsageColumns); sorted.
    pub usage: DataFrame,
    /// Invoice lines, with the columns of [`LineColumns`](super::columns::LineColumns); sorted.
    pub lines: DataFrame,
    /// Duplicates of usage rows, for [`numbered`].
    pub usage_duplicates: Vec<Duplicates>,
    /// Duplicates of invoice lines, for [`numbered`].
    pub line_duplicates: Vec<Duplicates>,
    /// Names that are shown beside codes.
    pub names: DisplayNames,
    /// Billed usage day by day, sorted; empty unless a tie-out compares days.
    pub daily: Vec<DayRow>,
    /// Unbilled usage day by day, sorted; empty unless a tie-out compares it.
    pub unbilled: Vec<DayRow>,
    /// Rows of the other datasets.
    pub entries: EntryRows,
    /// Period of each invoice, by the invoice's code: the month of most of its usage, or of most of
    /// its lines where it has no usage.
    pub periods: HashMap<u32, Period>,
}

/// Duplicates of a row, by their number in the row's frame; none for number 0.
#[must_use]
pub fn numbered(duplicates: &[Duplicates], number: u32) -> Duplicates {
    match number.checked_sub(1) {
        Some(at) => duplicates[at as usize],
        None => Duplicates::default(),
    }
}

/// Inputs besides usage, lines and headers.
#[derive(Debug, Default)]
pub struct OtherInputs {
    /// Billed usage day by day; `None` where no tie-out compares days.
    pub daily: Option<Partial>,
    /// Unbilled usage day by day; `None` where no tie-out compares it.
    pub unbilled: Option<Partial>,
    /// Rows of the other datasets.
    pub entries: Entries,
}

/// State that is kept from one part of usage and lines to the next.
#[derive(Debug)]
pub struct FoldState {
    builder: VocabularyBuilder,
    /// Products and SKUs that have usage in any part.
    used: HashSet<[u32; 2]>,
    /// Keys of all usage that tell which usage column the lines' MeterDescription repeats.
    pub described: DataFrame,
}

/// Folds usage, lines and everything else over one vocabulary. `also_used` names products and SKUs
/// that have usage outside of `usage`: they decide the scope of lines.
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn fold_partials(
    usage: Partial,
    lines: Partial,
    headers: &[Header],
    also_used: &[(String, String)],
    more: OtherInputs,
) -> Result<Folded, EngineError> {
    let mut builder = VocabularyBuilder::default();
    let inputs = Numbered::of(&mut builder, (usage, lines), headers, also_used, more)?;
    let (vocabulary, code_of) = builder.finish();
    let inputs = inputs.coded(&code_of);
    // Before the frames are made, as the totals of usage are dropped on the way.
    let used = inputs.used_products().collect();
    let (line_months, usage_months) = (InvoiceMonths::default(), InvoiceMonths::default());
    let periods = inputs.periods(line_months, usage_months);
    Ok(inputs.folded(vocabulary, &used, periods))
}

/// Folds everything but usage and lines, of which `overview` is known; the parts of both follow,
/// one after the other ([`Folded::take_part`]).
///
/// # Errors
/// [`EngineError::AmountOverflow`].
pub fn fold_before_parts(
    overview: AcrossParts,
    headers: &[Header],
    more: OtherInputs,
) -> Result<(Folded, FoldState), EngineError> {
    let [usage, lines] = [Dataset::Usage, Dataset::InvoiceLines].map(Partial::empty);
    let (mut builder, noted) = overview.into_parts();
    let inputs = Numbered::of(&mut builder, (usage, lines), headers, &[], more)?;
    // The builder goes on: the texts of the parts are the same but for the local ones.
    let (vocabulary, code_of) = builder.rank();
    let inputs = inputs.coded(&code_of);
    let noted = noted.translated(|domain, number| code_of[domain as usize][number as usize]);
    let described = noted.described_frame();
    let used = noted.used;
    let periods = inputs.periods(noted.line_months, noted.usage_months);
    let folded = inputs.folded(vocabulary, &used, periods);
    let in_parts = FoldState {
        builder,
        used,
        described,
    };
    Ok((folded, in_parts))
}

/// A partial, and the codes of its keys.
struct Coded {
    partial: Partial,
    codes: Codes,
}

/// All inputs, with their texts in a vocabulary's builder. The codes of keys are numbers of the
/// builder until [`Numbered::coded`].
struct Numbered {
    usage: Coded,
    lines: Coded,
    daily: Option<Coded>,
    unbilled: Option<Coded>,
    entries: NumberedEntries,
    /// Products and SKUs that have usage outside of `usage`.
    also_used: Vec<[u32; 2]>,
}

impl Numbered {
    fn of(
        builder: &mut VocabularyBuilder,
        (usage, lines): (Partial, Partial),
        headers: &[Header],
        also_used: &[(String, String)],
        more: OtherInputs,
    ) -> Result<Self, EngineError> {
        let entries = more
            .entries
            .number_texts(builder)
            .ok_or(EngineError::AmountOverflow)?;
        // Only texts that are compared by code: other texts of headers are not among the keys.
        for header in headers {
            builder.add(Domain::Invoice, &header.id);
            builder.add(Domain::Invoice, &header.amends);
            builder.add(Domain::Currency, &header.currency);
        }
        let also_used = also_used
            .iter()
            .map(|(product, sku)| {
                [
                    builder.add(Domain::Product, product),
                    builder.add(Domain::Sku, sku),
                ]
            })
            .collect();
        let mut usage = Coded {
            codes: Codes::of_usage(builder, &usage),
            partial: usage,
        };
        // Only the scope of lines is told by raw texts. Those of usage are in the vocabulary now,
        // and would take their memory twice.
        usage.partial.columns = Vec::new();
        let lines = Coded {
            codes: Codes::of_lines(builder, &lines),
            partial: lines,
        };
        let [daily, unbilled] = [more.daily, more.unbilled].map(|partial| {
            partial.map(|partial| Coded {
                codes: Codes::of_days(builder, &partial),
                partial,
            })
        });
        Ok(Self {
            usage,
            lines,
            daily,
            unbilled,
            entries,
            also_used,
        })
    }

    /// Inputs with codes in place of numbers; `code_of` holds the code of each number, by domain.
    fn coded(self, code_of: &[Vec<u32>]) -> CodedInputs {
        let code = |domain: Domain, number: u32| code_of[domain as usize][number as usize];
        let coded = |mut input: Coded| {
            input.codes.translate(code);
            input
        };
        let day_rows = |input: Option<Coded>| match input.map(coded) {
            Some(Coded { partial, codes }) => days::rows(&partial, &codes),
            None => Vec::new(),
        };
        let also_used = self.also_used.into_iter();
        CodedInputs {
            daily: day_rows(self.daily),
            unbilled: day_rows(self.unbilled),
            usage: coded(self.usage),
            lines: coded(self.lines),
            entries: self.entries.into_rows(code_of),
            also_used: also_used
                .map(|[product, sku]| [code(Domain::Product, product), code(Domain::Sku, sku)])
                .collect(),
        }
    }
}

/// All inputs by code, before usage and lines are frames.
struct CodedInputs {
    usage: Coded,
    lines: Coded,
    daily: Vec<DayRow>,
    unbilled: Vec<DayRow>,
    entries: EntryRows,
    also_used: Vec<[u32; 2]>,
}

impl CodedInputs {
    /// Products and SKUs that have usage.
    fn used_products(&self) -> impl Iterator<Item = [u32; 2]> {
        let Coded { partial, codes } = &self.usage;
        let in_usage = partial.totals.keys().map(|key| codes.product_and_sku(key));
        in_usage.chain(self.also_used.iter().copied())
    }

    /// Period of each invoice, by months that were noted before and those of these inputs.
    fn periods(
        &self,
        mut line_months: InvoiceMonths,
        mut usage_months: InvoiceMonths,
    ) -> HashMap<u32, Period> {
        line_months.add(&self.lines.partial, &self.lines.codes);
        usage_months.add(&self.usage.partial, &self.usage.codes);
        InvoiceMonths::periods_of(&line_months, &usage_months)
    }

    fn folded(
        mut self,
        vocabulary: Vocabulary,
        used: &HashSet<[u32; 2]>,
        periods: HashMap<u32, Period>,
    ) -> Folded {
        let (usage, usage_duplicates) = usage_frame(&mut self.usage.partial, &self.usage.codes);
        let (lines, line_duplicates) = lines_frame(&self.lines.partial, &self.lines.codes, used);
        let mut names = DisplayNames::default();
        names.take_usage(&vocabulary, &self.usage.partial, &self.usage.codes);
        names.take_lines(&vocabulary, &self.lines.partial, &self.lines.codes);
        Folded {
            vocabulary,
            usage,
            lines,
            usage_duplicates,
            line_duplicates,
            names,
            daily: self.daily,
            unbilled: self.unbilled,
            entries: self.entries,
            periods,
        }
    }
}

impl Folded {
    /// Puts a part of usage and lines in the place of the one before. `spellings` are the best
    /// spellings of resources that several parts name, so that each part shows them alike.
    ///
    /// # Panics
    /// For a part that was not noted in the overview.
    pub fn take_part(
        &mut self,
        in_parts: &mut FoldState,
        parts: (Partial, Partial),
        spellings: &[String],
    ) {
        let (mut usage, lines) = parts;
        let builder = &mut in_parts.builder;
        let mut usage_codes = Codes::of_usage(builder, &usage);
        let mut line_codes = Codes::of_lines(builder, &lines);
        for text in spellings {
            builder.improve(Domain::Resource, text);
        }
        // Local texts are those of this part alone: the next part begins them anew.
        let local = LOCAL.map(|domain| {
            let (texts, code_of) = builder.end(domain);
            self.vocabulary.put(domain, texts);
            (domain, code_of)
        });
        assert!(
            builder.adds_nothing_shared(&self.vocabulary),
            "every text of a part was noted before"
        );
        for codes in [&mut usage_codes, &mut line_codes] {
            codes.translate(
                |domain, number| match local.iter().find(|(of, _)| *of == domain) {
                    Some((_, code_of)) => code_of[number as usize],
                    // Shared texts were ranked before the parts, and their numbers are codes.
                    None => number,
                },
            );
        }
        usage.columns = Vec::new();
        (self.usage, self.usage_duplicates) = usage_frame(&mut usage, &usage_codes);
        (self.lines, self.line_duplicates) = lines_frame(&lines, &line_codes, &in_parts.used);
        // Names of resources are dropped, as their codes are of one part; all others add up.
        self.names.forget(Domain::ResourceGroup);
        self.names
            .take_usage(&self.vocabulary, &usage, &usage_codes);
        self.names.take_lines(&self.vocabulary, &lines, &line_codes);
    }

    /// Drops the last part. The findings of all parts name resources by their place in `resources`,
    /// which becomes the vocabulary of resources.
    pub fn forget_part(&mut self, resources: Vec<String>) {
        (self.usage, self.lines) = (self.usage.clear(), self.lines.clear());
        (self.usage_duplicates, self.line_duplicates) = (Vec::new(), Vec::new());
        for domain in LOCAL {
            self.vocabulary.put(domain, Vec::new());
        }
        self.vocabulary.put(Domain::Resource, resources);
        self.names.forget(Domain::ResourceGroup);
    }
}
