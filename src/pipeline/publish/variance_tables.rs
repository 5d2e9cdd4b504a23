//! The tables of compared groups: `variances`, its roll-up `summary`, and `findings` with the
//! evidence.

use super::columns::{Columns, NamedCells, filled};
use super::resource_table::known_day;
use crate::engine::causes::finding::Finding;
use crate::engine::fold::display_names::NO_METER;
use crate::engine::fold::folded::Folded;
use crate::engine::judge::roll_up::Rollup;
use crate::engine::judge::variance::Variance;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::keys::{FINE_KEYS, Key};
use crate::model::cause::{Cause, Proof, Status, TieOut};
use crate::model::period::{Day, parse_day};
use crate::model::tables::{FINDINGS, SUMMARY, VARIANCES};
use crate::reports::table::{Cells, TablePart};

/// Cells of some rows of `variances`.
pub(super) fn variances<'f>(totals: &'f Folded, rows: &'f [Variance]) -> TablePart<'f> {
    let columns = Columns { totals, rows };
    let mut cells = variance_keys(&columns);
    cells.extend(variance_figures(&columns));
    // In the order of `Cause::ALL`, as `model::tables` has them.
    let parts = Cause::ALL.map(|cause| {
        let name = format!("{}_amount", cause.name());
        columns.decimal(name, |row| row.parts.by(cause))
    });
    cells.extend(parts);
    cells.extend([
        columns.text("break_id", |row| row.break_id.to_string()),
        columns.text("proof", |row| row.proof.map_or("", Proof::name)),
        columns.text("rounding_rule", |row| {
            row.sides.rounding_rule.as_deref().unwrap_or("").to_owned()
        }),
        columns.decimal("off_rule_amount", |row| row.sides.off_rule_amount),
        columns.text("counterpart", |row| {
            row.counterpart
                .map_or_else(String::new, |id| id.to_string())
        }),
        columns.text("awaited_for", |row| {
            // Only what the status says: a group that ties does not wait.
            match (row.status, row.sides.awaited_for) {
                (Status::Awaited, Some(what)) => what.name(),
                _ => "",
            }
        }),
    ]);
    filled(&VARIANCES, cells)
}

fn variance_keys<'f>(columns: &Columns<'f, Variance>) -> Vec<NamedCells<'f>> {
    let key = |key: Key| columns.key(key, |row| row.sides.keys[key]);
    vec![
        columns.text("tie_out", |row| row.sides.tie_out.name()),
        columns.period(|row| row.sides.keys[Key::Invoice]),
        key(Key::Invoice),
        key(Key::Customer),
        columns.customer_name(|row| row.sides.keys[Key::Customer]),
        key(Key::Subscription),
        key(Key::Product),
        columns.name("product_name", Domain::ProductName, |row| {
            [row.sides.keys[Key::Product], 0, 0]
        }),
        key(Key::Sku),
        // The SKU's own name; none for rows that mix SKUs.
        columns.name("sku_name", Domain::Description, |row| {
            [
                row.sides.keys[Key::Product],
                row.sides.keys[Key::Sku],
                NO_METER,
            ]
        }),
        key(Key::Availability),
        key(Key::Description),
        columns.text("charge_type", |row| row.sides.charge_type.clone()),
        key(Key::Adjustment),
        key(Key::Currency),
    ]
}

fn variance_figures<'f>(columns: &Columns<'f, Variance>) -> Vec<NamedCells<'f>> {
    // The expected side of `lines-to-invoice` is lines, and its other side a header, not a line.
    let is_of_lines = |row: &Variance| row.sides.tie_out == TieOut::LinesToInvoice;
    vec![
        columns.text("matched_on", |row| row.sides.matched_on.to_string()),
        columns.integer("usage_rows", |row| {
            if is_of_lines(row) {
                0
            } else {
                row.sides.expected_rows
            }
        }),
        columns.integer("invoice_lines", |row| {
            if is_of_lines(row) {
                row.sides.expected_rows
            } else {
                row.sides.invoiced_rows
            }
        }),
        columns.decimal("expected_quantity", |row| row.sides.expected_quantity),
        columns.decimal("invoiced_quantity", |row| row.sides.invoiced_quantity),
        columns.decimal("variance_quantity", |row| {
            row.sides.invoiced_quantity - row.sides.expected_quantity
        }),
        columns.decimal("expected_amount", |row| row.sides.expected_amount),
        columns.decimal("invoiced_amount", |row| row.sides.invoiced_amount),
        columns.decimal("variance_amount", |row| row.sides.variance_amount()),
        columns.decimal("tolerance_amount", |row| row.tolerance_amount),
        columns.text("status", |row| row.status.name()),
        columns.text("cause", cause_name),
    ]
}

/// Name of the cause; empty where there is no variance.
pub(crate) fn cause_name(variance: &Variance) -> &'static str {
    variance.cause.map_or("", Cause::name)
}

/// Cells of some rows of `summary`.
pub(super) fn summary<'f>(totals: &'f Folded, rows: &'f [Rollup]) -> TablePart<'f> {
    let columns = Columns { totals, rows };
    let key = |key: Key| columns.key(key, |row| row.keys[key]);
    let groups = |name: &'static str, status: Status| {
        columns.integer(name, |row| row.groups[status as usize])
    };
    let cells = vec![
        columns.text("tie_out", |row| row.tie_out.name()),
        columns.text("level", |row| row.level.name()),
        columns.period(|row| row.keys[Key::Invoice]),
        key(Key::Invoice),
        key(Key::Customer),
        columns.customer_name(|row| row.keys[Key::Customer]),
        key(Key::Subscription),
        key(Key::Product),
        key(Key::Sku),
        key(Key::Description),
        key(Key::Currency),
        columns.integer("groups", |row| row.groups.iter().sum()),
        groups("tied_groups", Status::Tied),
        groups("within_tolerance_groups", Status::WithinTolerance),
        groups("break_groups", Status::Break),
        groups("awaited_groups", Status::Awaited),
        groups("out_of_scope_groups", Status::OutOfScope),
        columns.decimal("expected_amount", |row| row.expected_amount),
        columns.decimal("invoiced_amount", |row| row.invoiced_amount),
        columns.decimal("not_checkable_amount", |row| row.not_checkable_amount),
        columns.decimal("over_billed_amount", |row| row.over_billed_amount),
        columns.decimal("under_billed_amount", |row| row.under_billed_amount),
        columns.decimal("awaited_amount", |row| row.awaited_amount),
        columns.decimal("rounding_amount", |row| row.rounding_amount),
        columns.decimal("off_rule_amount", |row| row.off_rule_amount),
        columns.decimal("net_variance_amount", |row| {
            row.invoiced_amount - row.expected_amount
        }),
        columns.decimal("gross_variance_amount", |row| row.gross_variance_amount),
        columns.decimal("explained_share", Rollup::explained_share),
    ];
    filled(&SUMMARY, cells)
}

/// The table `findings`: groups that rounding alone does not explain, and groups with keys that
/// `variances` has no columns for, such as the meter or the day.
pub(super) fn findings<'f>(totals: &'f Folded, variances: &'f [Variance]) -> TablePart<'f> {
    let has_finer_key = |variance: &Variance| {
        let mut keys = variance.sides.keys.iter();
        keys.any(|(key, code)| !FINE_KEYS.contains(&key) && code != 0)
    };
    let rows: Vec<&Variance> = variances
        .iter()
        .filter(|variance| variance.finding.is_some() || has_finer_key(variance))
        .collect();
    let texts = |name: &'static str, of: &dyn Fn(&Variance) -> String| {
        let texts = rows.iter().map(|variance| of(variance)).collect();
        NamedCells::new(name, Cells::Texts(texts))
    };
    let days = |name: &'static str, of: fn((Day, Day)) -> Day| {
        let days = rows.iter().map(|variance| day_of(totals, variance, of));
        NamedCells::new(name, Cells::Days(days.collect()))
    };
    let text = |domain, code| totals.vocabulary.text(domain, code).to_owned();
    let key_text = |variance: &Variance, key: Key| text(key.domain(), variance.sides.keys[key]);
    let cells = vec![
        texts("break_id", &|variance| variance.break_id.to_string()),
        texts("tie_out", &|variance| {
            variance.sides.tie_out.name().to_owned()
        }),
        texts("status", &|variance| variance.status.name().to_owned()),
        texts("cause", &|variance| cause_name(variance).to_owned()),
        texts("narrowest_level", &|variance| {
            narrowest(variance).to_owned()
        }),
        texts(Key::Meter.published(), &|variance| {
            key_text(variance, Key::Meter)
        }),
        texts(
            Key::Resource.published(),
            &|variance| match finding_of(variance).and_then(|finding| finding.resource) {
                Some(resource) => text(Domain::Resource, resource),
                None => key_text(variance, Key::Resource),
            },
        ),
        days("first_usage_date", |days| days.0),
        days("last_usage_date", |days| days.1),
        texts("rounding_rule", &|variance| match finding_of(variance) {
            Some(finding) => finding.steps.rule.clone(),
            None => String::new(),
        }),
    ];
    filled(&FINDINGS, cells)
}

fn finding_of(variance: &Variance) -> Option<&Finding> {
    variance.finding.as_deref()
}

/// Name of the narrowest thing that holds the variance alone; empty where there is no variance, or
/// where rounding makes it.
fn narrowest(variance: &Variance) -> &'static str {
    match (finding_of(variance), variance.cause) {
        (Some(finding), Some(_)) => finding.narrowest.name(),
        _ => "",
    }
}

/// First or last day that the finding concerns, otherwise the day that the group is of, if any.
fn day_of(totals: &Folded, variance: &Variance, of: fn((Day, Day)) -> Day) -> Option<Day> {
    let found = finding_of(variance).and_then(|finding| finding.days);
    found.map(of).and_then(known_day).or_else(|| {
        let code = variance.sides.keys[Key::Day];
        let text = totals.vocabulary.text(Domain::Date, code);
        // Groups of no day have the empty text; a text that is no date was no day either.
        parse_day(text.as_bytes()).ok().flatten()
    })
}
