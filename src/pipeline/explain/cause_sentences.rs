//! One sentence for each cause. What a sentence counts is counted from the rows, and told only where
//! it comes to the part; otherwise the part stands alone.

use super::facts::{RowSum, SumOfDays};
use super::phrases::{days, month_of, number_of, only, verb};
use super::story::Story;
use crate::model::cause::{Cause, TieOut};
use crate::model::decimal::{PRICE_SCALE, RATE_SCALE, plain, to_published};

/// Largest difference between a part and the rows that are told for it, for each row, in units of
/// 10^-10: amounts of usage are rounded to ten decimals for each resource.
const OF_A_ROW: i128 = 1;

/// The sentence about one part; `part` is in units of 10^-10, positive where too much is asked for.
pub(super) fn sentence_of(story: &Story<'_>, cause: Cause, part: i128) -> String {
    let money = story.money(part);
    let more = if part > 0 { "more" } else { "less" };
    match (cause, story.tie_out) {
        (Cause::Tax | Cause::Credit | Cause::Duplicate, TieOut::LinesToInvoice) => {
            of_header(story, cause, part)
        }
        (Cause::MissingUsage, TieOut::LinesToInvoice) => {
            format!("{money} of the header is on no line.")
        }
        (Cause::MissingInvoice, TieOut::LinesToInvoice) => {
            format!("{money} of the lines is in no header.")
        }
        (Cause::MissingUsage, tie_out) if is_of_two_reports(tie_out) => {
            format!("{money} is in the second report and not in the first.")
        }
        (Cause::MissingInvoice, tie_out) if is_of_two_reports(tie_out) => {
            format!("{money} is in the first report and not in the second.")
        }
        (Cause::Quantity | Cause::Price | Cause::Unexplained, tie_out)
            if is_of_two_reports(tie_out) =>
        {
            format!("The second report says {money} {more} than the first.")
        }
        (Cause::Fx, TieOut::LineArithmetic) => format!(
            "The exchange rate{} is not that of the invoice's other lines: {money} {more}.",
            rate_of(story, 1)
        ),
        (Cause::Rounding, _) => format!("Rounding makes {money} of the difference."),
        (Cause::Fx, _) => fx(story, part),
        (Cause::Price, _) => price(story, part),
        (Cause::Quantity, _) => quantity(story, part),
        (Cause::PartnerEarnedCredit, _) => earned_credit(story, part),
        (Cause::Promotion, _) => promotion(story, part),
        (Cause::Credit, _) => match part < 0 {
            true => format!("A credit of {money} is on the invoice and in no usage record."),
            false => format!("A credit of {money} is in the usage records and not on the invoice."),
        },
        (Cause::Tax, _) => {
            format!("The amount before tax contains the tax: {money} {more} than without it.")
        }
        (Cause::Timing, _) => timing(story, part),
        (Cause::OutOfScope, _) => {
            format!("There is no usage behind such a charge, so that {money} cannot be checked.")
        }
        (Cause::Duplicate, _) => duplicate(story, part),
        (Cause::MissingUsage, _) => {
            format!("{money} is charged for which there is no usage record.")
        }
        (Cause::MissingInvoice, _) => {
            format!("{money} of usage is on no line of the invoice.")
        }
        (Cause::Unexplained, _) => unexplained(story, part),
    }
}

/// True of a tie-out that holds two reports of usage against each other, and no invoice's lines
/// against usage.
const fn is_of_two_reports(tie_out: TieOut) -> bool {
    !matches!(
        tie_out,
        TieOut::UsageToInvoice | TieOut::LinesToInvoice | TieOut::LineArithmetic
    )
}

/// True if rows come to a part.
fn comes_to(sum: RowSum, part: i128) -> bool {
    let tolerated = OF_A_ROW * (i128::from(sum.rows) + 1);
    sum.rows > 0
        && to_published(sum.amount).is_some_and(|amount| (amount - part).abs() <= tolerated)
}

fn quantity(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let delta = story
        .quantity_delta
        .filter(|delta| delta.signum() == part.signum());
    let more = if part > 0 { "more" } else { "less" };
    match delta {
        Some(delta) => format!(
            "{} {more} is charged than was used: {money}.",
            story.amount_of(delta)
        ),
        None => format!("Another quantity is charged than was used: {money} {more}."),
    }
}

fn price(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let more = if part > 0 { "more" } else { "less" };
    let [used, charged] = story.facts;
    // A unit price has its discounts in it: where these differ, too, it tells more than the part.
    let discounts = [Cause::PartnerEarnedCredit, Cause::Promotion].map(Cause::name);
    let mut parts = story.parts.iter();
    let is_discounted = parts.any(|(cause, _)| discounts.contains(cause));
    let told = [
        ("list price", &used.list_prices, &charged.list_prices),
        ("unit price", &used.prices, &charged.prices),
    ]
    .into_iter()
    .filter(|(word, ..)| !is_discounted || *word == "list price")
    .find_map(|(word, used, charged)| {
        let (used, charged) = (only(used)?, only(charged)?);
        // A price is told where it moves the amount the way that it went.
        ((charged > used) == (part > 0) && charged != used).then(|| {
            let [used, charged] = [used, charged].map(|price| plain(*price, PRICE_SCALE));
            format!("The {word} is {charged} on the invoice and {used} in the usage records")
        })
    });
    let told = told
        .unwrap_or_else(|| "The price on the invoice is not that of the usage records".to_owned());
    format!("{told}: {money} {more}.")
}

/// Exchange rate of one side, in parentheses; empty where it is not the same for all rows.
fn rate_of(story: &Story<'_>, side: usize) -> String {
    only(&story.facts[side].rates).map_or_else(String::new, |rate| {
        format!(" ({})", plain(*rate, RATE_SCALE))
    })
}

fn fx(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let more = if part > 0 { "more" } else { "less" };
    format!(
        "The exchange rate of the invoice{} is not that of the usage records{}: {money} {more}.",
        rate_of(story, 1),
        rate_of(story, 0)
    )
}

fn earned_credit(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let [used, _] = story.facts;
    // Written as a per cent in CSV, and as a fraction in v1.
    let percent = only(&used.credits).filter(|text| !text.starts_with("0."));
    let credit = match percent {
        Some(percent) if part > 0 => format!("The partner earned credit of {percent} %"),
        _ => "The partner earned credit".to_owned(),
    };
    match part > 0 {
        true => format!(
            "{credit} that was earned is missing from the price, in whole or in part: {money} more."
        ),
        false => format!("{credit} is given for usage that did not earn it: {money} less."),
    }
}

fn promotion(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let [_, charged] = story.facts;
    let which = match (only(&charged.promotions), only(&charged.adjustments)) {
        (Some(id), _) => format!(" (promotion {id})"),
        (None, Some(text)) => format!(" ({text})"),
        (None, None) => String::new(),
    };
    match part < 0 {
        true => format!(
            "The price on the invoice has a discount{which} that the usage records do not have: {money} less."
        ),
        false => format!(
            "The price in the usage records has a discount that the invoice does not have: {money} more."
        ),
    }
}

/// Usage and lines of other months, and usage that was billed before.
fn timing(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let outside = story
        .period
        .map(|period| story.facts.map(|facts| facts.outside(period)));
    let told = outside.and_then(|[used, charged]| {
        let both = RowSum {
            rows: used.sum.rows + charged.sum.rows,
            quantity: 0,
            amount: charged.sum.amount - used.sum.amount,
        };
        let sentences: Vec<String> = [
            comes_to(negated(used.sum), part).then(|| late_usage(story, used)),
            comes_to(charged.sum, part).then(|| late_lines(story, charged)),
            comes_to(both, part)
                .then(|| format!("{} {}", late_usage(story, used), late_lines(story, charged))),
        ]
        .into_iter()
        .flatten()
        .collect();
        sentences.into_iter().next()
    });
    let again = || {
        let (other, delta) = (story.other_invoice.as_ref()?, story.quantity_delta?);
        let month = other.period.map(|period| month_of(period.days().0))?;
        Some(format!(
            "{} ({money}) were used in {month}, charged on invoice {}, and billed again.",
            story.amount_of(delta),
            other.number
        ))
    };
    told.or_else(again).unwrap_or_else(|| {
        format!("{money} of the difference is usage or charges of another month.")
    })
}

fn negated(sum: RowSum) -> RowSum {
    RowSum {
        amount: -sum.amount,
        ..sum
    }
}

fn late_usage(story: &Story<'_>, late: SumOfDays) -> String {
    format!(
        "{} ({}) were used on {}, in another month than the invoice's, and are not charged.",
        story.amount_of(late.sum.quantity),
        story.exact(late.sum.amount),
        late.days.map_or_else(String::new, days)
    )
}

fn late_lines(story: &Story<'_>, late: SumOfDays) -> String {
    let month = late
        .days
        .map_or_else(String::new, |(first, _)| month_of(first));
    let verb = if late.sum.rows == 1 { "is" } else { "are" };
    format!(
        "{} over {} ({}) {verb} for {month}, another month than the invoice's.",
        number_of(late.sum.rows, "line"),
        story.amount_of(late.sum.quantity),
        story.exact(late.sum.amount)
    )
}

/// Rows and lines that are there twice, and lines that another invoice has, too.
fn duplicate(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let [used, charged] = story.facts.map(super::facts::SideFacts::copies);
    if comes_to(negated(used), part) {
        return format!(
            "{} ({}, {}) {} others to the letter; the invoice does not charge that again.",
            number_of(used.rows, "usage record"),
            story.amount_of(used.quantity),
            story.exact(used.amount),
            verb(used.rows, "repeat")
        );
    }
    if comes_to(charged, part) {
        return format!(
            "{} ({}, {}) {} others to the letter, and {} the same again.",
            number_of(charged.rows, "line"),
            story.amount_of(charged.quantity),
            story.exact(charged.amount),
            verb(charged.rows, "repeat"),
            verb(charged.rows, "charge")
        );
    }
    match &story.other_invoice {
        Some(other) => format!(
            "Invoice {} charges the same already: {money} is charged again.",
            other.number
        ),
        None => format!("{money} of the difference is there twice."),
    }
}

fn unexplained(story: &Story<'_>, part: i128) -> String {
    let money = story.money(part);
    let more = if part > 0 { "more" } else { "less" };
    if story.is_off_arithmetic || story.tie_out == TieOut::LineArithmetic {
        return format!(
            "The invoice asks for {money} {more} than its own price, quantity and exchange rate give."
        );
    }
    format!("For {money} {more} no cause was found.")
}

/// What a header leaves out of its lines, or adds to them.
fn of_header(story: &Story<'_>, cause: Cause, part: i128) -> String {
    let money = story.money(part);
    let words = match (cause, part < 0) {
        (Cause::Tax, true) => "leaves out the tax of its lines",
        (Cause::Tax, false) => "has a tax that no line has",
        (Cause::Credit, true) => "takes off a credit that no line has",
        (Cause::Credit, false) => "leaves out the credit that its lines have",
        (_, true) => "leaves out the lines that are there twice",
        (_, false) => "has something twice that its lines have once",
    };
    let more = if part > 0 { "more" } else { "less" };
    format!("The header {words}: {money} {more}.")
}
