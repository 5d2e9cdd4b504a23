//! Laws over random rows: merging partial totals is adding their rows, the order of rows changes
//! nothing, and all figures add up at every level.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use tieout::engine::compare::group::Keys;
use tieout::engine::count::partial::Partial;
use tieout::engine::count::total::{AccountControl, Total};
use tieout::engine::judge::roll_up::{Level, Rollup};
use tieout::engine::judge::variance::Variance;
use tieout::engine::rules::keys::Key;
use tieout::model::column_set::ColumnSet;
use tieout::model::dataset::Dataset;
use tieout::model::decimal::plain;
use tieout::model::row::{Cell, EarlierRows, Place, Row};
use tieout::pipeline::intake::readings::Readings;
use tieout::pipeline::reconcile::stages::reconcile;
use tieout::pipeline::spill::resources::Resources;

use crate::runs::plan;

/// A configuration of proptest with some cases; twenty times as many with `TIEOUT_SLOW_TESTS=1`.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let slow = std::env::var_os("TIEOUT_SLOW_TESTS").is_some_and(|value| value == "1");
    ProptestConfig {
        cases: if slow { usual * 20 } else { usual },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A row: the columns that it fills, and their texts.
type Texts = Vec<(&'static str, String)>;

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        (-200_000_i64..200_000).prop_map(|cents| plain(cents.into(), 2)),
        (-10_i128.pow(18)..10_i128.pow(18)).prop_map(|value| plain(value, 16)),
        "-?[0-9]\\.[0-9]{5}E-0[0-9]",
    ]
}

fn usage_row() -> impl Strategy<Value = Texts> {
    let account = (
        one_of(&["c1", "C1", "org:c1", "c2"]),
        one_of(&["s1", "S1"]),
        one_of(&["EUR", "eur", "USD"]),
    );
    let product = (
        one_of(&["p1", "p2"]),
        one_of(&["3", "0003", "000B"]),
        one_of(&["a1", "a2"]),
        one_of(&["m1", "M1", "m2"]),
        one_of(&["Disk", "disk ", "VM"]),
    );
    let resource = (
        one_of(&["e1", "e2", ""]),
        one_of(&["/s/r1", "/S/R1", "/s/r2", ""]),
        one_of(&["15", "0.15", ""]),
    );
    let numbers = (
        amount(),
        amount(),
        one_of(&["10/01/2026", "2026-10-31", "9/30/2026", ""]),
        amount(),
        one_of(&["", "0.9", "1.1"]),
    );
    (account, product, resource, numbers).prop_map(|(account, product, resource, numbers)| {
        vec![
            ("InvoiceNumber", "G1".to_owned()),
            ("CustomerId", account.0),
            ("SubscriptionId", account.1),
            ("BillingCurrency", account.2),
            ("ProductId", product.0),
            ("SkuId", product.1),
            ("AvailabilityId", product.2),
            ("MeterId", product.3),
            ("MeterName", product.4),
            ("EntitlementId", resource.0),
            ("ResourceURI", resource.1),
            ("PartnerEarnedCreditPercentage", resource.2),
            ("Quantity", numbers.0),
            ("BillingPreTaxTotal", numbers.1),
            ("UsageDate", numbers.2),
            ("PricingPreTaxTotal", numbers.3),
            ("PCToBCExchangeRate", numbers.4),
        ]
    })
}

fn line_row() -> impl Strategy<Value = Texts> {
    let account = (
        one_of(&["c1", "c2"]),
        one_of(&["s1", "s2"]),
        one_of(&["EUR", "USD"]),
    );
    let product = (
        one_of(&["p1", "p2", "p3"]),
        one_of(&["0003", "000B"]),
        one_of(&["a1", "a3"]),
        one_of(&["Disk", "VM", "Other", ""]),
    );
    let state = (
        one_of(&["new", "customerCredit"]),
        one_of(&["[\"15.0% Partner earned credit\"]", ""]),
        one_of(&["", "Reservation 1 Year"]),
    );
    let priced = (
        one_of(&["", "1", "0.85", "-2"]),
        one_of(&["", "1"]),
        one_of(&["", "0.9", "1.1"]),
        one_of(&["10/31/2026", "9/30/2026"]),
    );
    (account, product, state, amount(), amount(), priced).prop_map(
        |(account, product, state, quantity, subtotal, priced)| {
            vec![
                ("InvoiceNumber", "g1".to_owned()),
                ("CustomerId", account.0),
                ("SubscriptionId", account.1),
                ("Currency", account.2),
                ("ProductId", product.0),
                ("SkuId", product.1),
                ("AvailabilityId", product.2),
                ("MeterDescription", product.3),
                ("ChargeType", state.0),
                ("PriceAdjustmentDescription", state.1),
                ("TermAndBillingCycle", state.2),
                ("BillableQuantity", quantity),
                ("Subtotal", subtotal),
                ("EffectiveUnitPrice", priced.0),
                ("UnitPrice", priced.1),
                ("PCToBCExchangeRate", priced.2),
                ("ChargeEndDate", priced.3),
            ]
        },
    )
}

/// The partial totals of some rows.
fn partial<'t>(dataset: Dataset, rows: impl IntoIterator<Item = &'t Texts>) -> Partial {
    let mut partial = Partial::new(dataset, Arc::default());
    for row in rows {
        let cells: Vec<(&str, &str)> = row
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        add(&mut partial, dataset, &cells, &format!("{row:?}"));
    }
    partial.flush();
    partial
}

/// Adds a row with these cells; `text` is what its fingerprint is taken of.
fn add(partial: &mut Partial, dataset: Dataset, row: &[(&str, &str)], text: &str) {
    let mut cells = vec![Cell::Missing; dataset.columns().len()];
    for (name, text) in row {
        cells[dataset.position_of(name).unwrap()] = Cell::Text(Cow::Borrowed(text.as_bytes()));
    }
    let place = Place {
        first_line: 1,
        before: b"",
        text: text.as_bytes(),
        // Stands for columns that are not read.
        unread: xxhash_rust::xxh3::xxh3_64(text.as_bytes()),
    };
    let row = Row {
        cells: &cells,
        place,
        changed: ColumnSet::ALL,
        earlier: EarlierRows::default(),
    };
    partial.add(&row).unwrap();
}

/// A partial whose duplicate rows are counted.
fn settled(mut partial: Partial) -> Partial {
    partial.count_own_duplicates();
    partial
}

/// A unit with more duplicates than are kept at the first reading is read twice, and all of them
/// are found.
#[test]
fn all_duplicates_of_a_month_that_comes_twice_are_found() {
    use tieout::engine::count::duplicate_filter::DuplicateFilter;
    use tieout::engine::count::duplicates::{Repeated, add_repeated};
    let rows = 70_000;
    let read = |seen: DuplicateFilter| {
        let mut partial = Partial::new(Dataset::Usage, Arc::new(seen));
        for number in (0..rows).chain(0..rows) {
            let quantity = number.to_string();
            let row = [
                ("Quantity", quantity.as_str()),
                ("BillingPreTaxTotal", "1"),
                ("UsageDate", "2026-10-05"),
            ];
            add(&mut partial, Dataset::Usage, &row, &quantity);
        }
        partial.flush();
        partial
    };
    let mut whole = read(DuplicateFilter::for_rows(rows, 1 << 24));
    let mut open = Repeated::new();
    add_repeated(&mut std::mem::take(&mut whole.fingerprints), &mut open);
    assert_eq!(open.len() as u64, rows);
    whole.count_duplicates(&mut open);
    assert!(!open.is_empty(), "more duplicates than are kept");
    whole.adopt_candidates(read(DuplicateFilter::Repeated(open.clone())));
    whole.count_duplicates(&mut open);
    assert!(open.is_empty());
    let copies: u64 = whole.copies.values().map(|copies| copies.rows).sum();
    assert_eq!((copies, whole.rows()), (rows, 2 * rows));
}

/// Totals by texts, control sums by account, rows by month, and number of rounded values.
type Content = (
    BTreeMap<Vec<String>, Vec<i128>>,
    BTreeMap<String, AccountControl>,
    BTreeMap<(String, i32), u64>,
    u64,
);

/// The content of a partial by texts: the numbers that it gives to texts depend on the order of
/// rows.
fn content(partial: &Partial) -> Content {
    let text = |tuple: usize, id: u32| {
        partial
            .fields(tuple, id)
            .collect::<Vec<&str>>()
            .join("\u{1}")
    };
    let flat = |total: &Total| {
        let ends = [
            i128::from(total.rows),
            total.precision,
            total.first.into(),
            total.last.into(),
        ];
        total.sums.into_iter().chain(ends).collect()
    };
    let key = |key: &[u32; 4]| {
        key.iter()
            .enumerate()
            .map(|(tuple, id)| text(tuple, *id))
            .collect()
    };
    let totals = partial
        .totals
        .iter()
        .map(|(ids, total)| (key(ids), flat(&total)))
        .collect();
    let control = (0..)
        .zip(&partial.control)
        .filter(|(_, control)| control.rows > 0)
        .map(|(id, control)| (text(0, id), *control))
        .collect();
    let months = partial
        .months
        .iter()
        .map(|((id, month), rows)| ((text(0, *id), *month), *rows))
        .collect();
    (totals, control, months, partial.rounded)
}

fn merged(left: &[Texts], right: &[Texts]) -> Partial {
    let mut whole = partial(Dataset::Usage, left);
    whole.merge(partial(Dataset::Usage, right));
    whole
}

/// A whole reconciliation as text, after checking that its parts, roll-ups and resources add up.
fn reconciled<'t>(
    usage: impl IntoIterator<Item = &'t Texts>,
    lines: impl IntoIterator<Item = &'t Texts>,
) -> String {
    let mut readings = Readings {
        usage: settled(partial(Dataset::Usage, usage)),
        spilled: None,
        lines: settled(partial(Dataset::InvoiceLines, lines)),
        usage_rows: 0,
        invoice_lines: 0,
        headers: Vec::new(),
        inputs: Vec::new(),
        rejected: Vec::new(),
        warnings: Vec::new(),
        controls: Vec::new(),
        lineage: BTreeSet::new(),
        daily: None,
        unbilled: None,
        entries: tieout::engine::fold::entries::Entries::default(),
        kept_rows: Vec::new(),
        awaited: tieout::pipeline::intake::incomplete::Awaited::default(),
    };
    let plan = plan(
        &[vec![String::new()], vec![String::new()], Vec::new()],
        std::path::Path::new("out"),
    );
    let found = reconcile(&plan, &mut readings).unwrap();
    for variance in &found.variances {
        assert_eq!(
            variance.parts.sum(),
            variance.sides.variance_amount(),
            "{variance:?}"
        );
    }
    let ids: BTreeSet<String> = found
        .variances
        .iter()
        .map(|variance| variance.break_id.to_string())
        .collect();
    assert_eq!(ids.len(), found.variances.len(), "break ids are unique");
    let (variances, rollups) = (&found.variances, &found.rollups);
    let Resources::Held(resources) = &found.resources else {
        panic!("resources in memory")
    };
    levels_add_up(variances, rollups);
    let [invoiced, spread]: [i128; 2] = [
        variances
            .iter()
            .map(|variance| variance.sides.invoiced_amount)
            .sum(),
        resources
            .iter()
            .map(|resource| resource.invoiced_amount)
            .sum(),
    ];
    assert_eq!(
        invoiced, spread,
        "invoiced amounts are spread over the resources"
    );
    format!(
        "{:?} {variances:?} {resources:?} {rollups:?} {:?} {:?}",
        found.totals.vocabulary, found.controls, found.warnings
    )
}

/// Checks that each level adds up to the variances, net and gross, and to the level above it.
fn levels_add_up(variances: &[Variance], rollups: &[Rollup]) {
    let of = |level: Level, key: &dyn Fn(&Keys) -> [u32; 3]| {
        let mut sums: BTreeMap<[u32; 3], [i128; 4]> = BTreeMap::new();
        for rollup in rollups.iter().filter(|rollup| rollup.level == level) {
            let slot = sums.entry(key(&rollup.keys)).or_default();
            let more = [
                rollup.expected_amount,
                rollup.invoiced_amount,
                rollup.gross_variance_amount,
                rollup.unexplained_amount,
            ];
            slot.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
        sums
    };
    let by_invoice = |keys: &Keys| [keys[Key::Invoice], keys[Key::Currency], 0];
    let by_customer = |keys: &Keys| [keys[Key::Invoice], keys[Key::Currency], keys[Key::Customer]];
    for level in [Level::Customer, Level::Subscription, Level::Meter] {
        assert_eq!(
            of(level, &by_invoice),
            of(Level::Invoice, &by_invoice),
            "{level:?}"
        );
    }
    assert_eq!(
        of(Level::Meter, &by_customer),
        of(Level::Customer, &by_customer)
    );
    let gross: i128 = variances
        .iter()
        .map(|variance| variance.sides.variance_amount().abs())
        .sum();
    let net: i128 = variances
        .iter()
        .map(|variance| variance.sides.variance_amount())
        .sum();
    let all = of(Level::Invoice, &|_| [0; 3])
        .into_values()
        .next()
        .unwrap_or_default();
    assert_eq!((all[1] - all[0], all[2]), (net, gross));
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn merging_partials_is_adding_all_rows_to_one(rows in prop::collection::vec(usage_row(), 0..60), cuts in (0_usize..60, 0_usize..60)) {
        let (first, second) = (cuts.0.min(cuts.1).min(rows.len()), cuts.0.max(cuts.1).min(rows.len()));
        let (a, b, c) = (&rows[..first], &rows[first..second], &rows[second..]);
        let whole = content(&partial(Dataset::Usage, &rows));
        prop_assert_eq!(content(&merged(a, &rows[first..])), whole.clone());
        prop_assert_eq!(content(&merged(&rows[first..], a)), whole.clone());
        let mut left = merged(a, b);
        left.merge(partial(Dataset::Usage, c));
        let mut right = partial(Dataset::Usage, a);
        right.merge(merged(b, c));
        prop_assert_eq!(content(&left), whole.clone());
        prop_assert_eq!(content(&right), whole);
    }

    #[test]
    fn the_order_of_rows_changes_nothing_and_parts_add_up(
        (usage, usage_mixed) in prop::collection::vec(usage_row(), 0..40).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        (lines, lines_mixed) in prop::collection::vec(line_row(), 0..20).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        prop_assert_eq!(reconciled(&usage, &lines), reconciled(&usage_mixed, &lines_mixed));
    }
}
