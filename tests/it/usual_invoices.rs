//! Invoices made by hand: oddities that are usual and make no variance, and errors, each with its
//! cause. Cited sections are pages of the crate's documentation, `model::domain`.

use crate::fixtures::{Changes, LINE, USAGE, sheet, tie};

/// Ten units at 1.00.
const USED: [(&str, &str); 5] = [
    ("Quantity", "10"),
    ("UnitPrice", "1"),
    ("PricingPreTaxTotal", "10"),
    ("BillingPreTaxTotal", "10"),
    ("EffectiveUnitPrice", "1"),
];

/// The line for [`USED`].
const BILLED: [(&str, &str); 4] = [
    ("EffectiveUnitPrice", "1"),
    ("BillableQuantity", "10"),
    ("Subtotal", "10"),
    ("Total", "10"),
];

/// Four units at no price.
const FREE: [(&str, &str); 5] = [
    ("Quantity", "4"),
    ("PricingPreTaxTotal", "0"),
    ("BillingPreTaxTotal", "0"),
    ("EffectiveUnitPrice", "0"),
    ("UsageDate", "10/06/2026"),
];

/// Status, cause and some parts of each variance.
fn tied(usage: &[Changes<'_>], lines: &[Changes<'_>]) -> Vec<String> {
    tie(&sheet(USAGE, usage), &sheet(LINE, lines)).variances(
        "status cause variance_amount tax_amount price_amount credit_amount timing_amount",
    )
}

/// `semantics` §6: a change of seats is two lines.
#[test]
fn a_refund_and_a_new_charge_net() {
    let refund = [
        ("EffectiveUnitPrice", "-1"),
        ("BillableQuantity", "10"),
        ("Subtotal", "-10"),
        ("Total", "-10"),
        ("ChargeType", "removeQuantity"),
    ];
    let again = [
        ("ChargeType", "addQuantity"),
        BILLED[0],
        BILLED[1],
        BILLED[2],
        BILLED[3],
    ];
    assert_eq!(
        tied(&[&USED], &[&BILLED, &refund, &again]),
        ["tied  0 0 0 0 0"]
    );
}

/// `quirks`, daily rated usage, point 10.
#[test]
fn free_units_need_no_line() {
    assert_eq!(tied(&[&USED, &FREE], &[&BILLED]), ["tied  0 0 0 0 0"]);
}

/// `semantics` §11, cause 2.
#[test]
fn usage_under_a_savings_plan_needs_no_line_and_the_purchase_is_out_of_scope() {
    let covered = [
        FREE[1],
        FREE[2],
        ("BenefitType", "SavingsPlan"),
        ("MeterName", "Covered"),
        ("ProductId", "P2"),
    ];
    let plan = [
        ("ProductId", "SP"),
        ("MeterDescription", ""),
        ("TermAndBillingCycle", "Savings Plan 1 Year"),
        ("Subtotal", "7"),
        ("Total", "7"),
    ];
    assert_eq!(
        tied(&[&USED, &covered], &[&BILLED, &plan]),
        [
            "tied  0 0 0 0 0",
            "tied  0 0 0 0 0",
            "out_of_scope out_of_scope 0 0 0 0 0"
        ]
    );
}

/// `semantics` §6: telecom bundles have two lines for one product.
#[test]
fn two_different_lines_of_one_product_are_no_duplicates() {
    let telecom = |subtotal: &'static str| {
        vec![
            ("ProductId", "E5"),
            ("MeterDescription", ""),
            ("TermAndBillingCycle", "One-Year commitment"),
            ("SubscriptionDescription", "Office 365 E5"),
            ("Subtotal", subtotal),
            ("Total", subtotal),
        ]
    };
    let split = tie(
        &sheet(USAGE, &[&USED]),
        &sheet(LINE, &[&BILLED, &telecom("5"), &telecom("3")]),
    );
    assert_eq!(
        split.variances("product_id invoice_lines invoiced_amount duplicate_amount cause"),
        ["E5 2 8 0 out_of_scope", "P1 1 10 0 "]
    );
}

/// `semantics` §11, cause 16.
#[test]
fn a_promotion_on_top_of_the_earned_credit_is_promotion() {
    let earned = [
        USED[0],
        USED[1],
        ("PricingPreTaxTotal", "8.5"),
        ("BillingPreTaxTotal", "8.5"),
        ("PartnerEarnedCreditPercentage", "15"),
    ];
    let stacked = [
        (
            "PriceAdjustmentDescription",
            "[\"10% Promotion\",\"15.0% Partner earned credit for services managed\"]",
        ),
        ("EffectiveUnitPrice", "0.765"),
        ("UnitPrice", "1"),
        BILLED[1],
        ("Subtotal", "7.65"),
        ("Total", "7.65"),
    ];
    assert_eq!(
        tied(&[&earned], &[&stacked]),
        ["break promotion -0.85 0 0 0 0"]
    );
}

/// `semantics` §7: some credits are computed at the end of the period, and usage never shows them.
#[test]
fn a_credit_that_usage_does_not_show_is_credit() {
    let credit = [
        ("ChargeType", "customerCredit"),
        ("EffectiveUnitPrice", "-1"),
        BILLED[1],
        ("Subtotal", "-10"),
        ("Total", "-10"),
    ];
    assert_eq!(
        tied(&[&USED], &[&BILLED, &credit]),
        ["break credit -10 0 0 -10 0", "tied  0 0 0 0 0"]
    );
}

/// `semantics` §11, cause 6.
#[test]
fn late_usage_is_timing_unless_the_invoice_bills_it() {
    let late = [
        USED[0],
        USED[1],
        USED[2],
        USED[3],
        ("UsageDate", "9/30/2026"),
    ];
    let more = [
        ("UsageDate", "10/07/2026"),
        USED[0],
        USED[1],
        USED[2],
        USED[3],
    ];
    let all = [
        ("EffectiveUnitPrice", "1"),
        ("BillableQuantity", "30"),
        ("Subtotal", "30"),
        ("Total", "30"),
    ];
    assert_eq!(tied(&[&USED, &more, &late], &[&all]), ["tied  0 0 0 0 0"]);
    let two = [
        ("EffectiveUnitPrice", "1"),
        ("BillableQuantity", "20"),
        ("Subtotal", "20"),
        ("Total", "20"),
    ];
    assert_eq!(
        tied(&[&USED, &more, &late], &[&two]),
        ["break timing -10 0 0 0 -10"]
    );
}

/// `semantics` §8: a subtotal is an amount before tax.
#[test]
fn a_subtotal_after_tax_is_tax() {
    let taxed = [
        ("EffectiveUnitPrice", "1"),
        ("BillableQuantity", "10"),
        ("Subtotal", "11.9"),
        ("TaxTotal", "1.9"),
        ("Total", "13.8"),
    ];
    assert_eq!(tied(&[&USED], &[&taxed]), ["break tax 1.9 1.9 0 0 0"]);
}

/// Two causes that leave the same trace get one name; the amounts are right whatever the name.
#[test]
fn causes_that_cannot_be_told_apart_have_the_nearest_name() {
    let parts = |usage: &[Changes<'_>], lines: &[Changes<'_>]| {
        let found = tie(&sheet(USAGE, usage), &sheet(LINE, lines));
        found.variances(
            "cause variance_amount price_amount partner_earned_credit_amount quantity_amount duplicate_amount unexplained_amount",
        )
    };
    let line = |price: &'static str, quantity: &'static str, subtotal: &'static str| {
        vec![
            ("EffectiveUnitPrice", price),
            ("BillableQuantity", quantity),
            ("Subtotal", subtotal),
            ("Total", subtotal),
        ]
    };
    // An earned credit that no side names, or a price of 85 %: price.
    assert_eq!(
        parts(&[&USED], &[&line("0.85", "10", "8.5")]),
        ["price -1.5 -1.5 0 0 0 0"]
    );
    // Usage that is missing from the export, or a larger quantity on the invoice: quantity.
    assert_eq!(
        parts(&[&USED], &[&line("1", "12", "12")]),
        ["quantity 2 0 0 2 0 0"]
    );
    // A duplicate row and an invoice that charges one unit more, or two rows of which nine units were
    // not billed: the smaller story.
    assert_eq!(
        parts(&[&USED, &USED], &[&line("1", "11", "11")]),
        ["quantity -9 0 0 -9 0 0"]
    );
    // If the duplicate alone is the whole difference, it is named.
    assert_eq!(
        parts(&[&USED, &USED], &[&line("1", "10", "10")]),
        ["duplicate -10 0 0 0 -10 0"]
    );
    // Two equal rows, both charged by the invoice: no variance at all.
    assert_eq!(
        parts(&[&USED, &USED], &[&line("1", "20", "20")]),
        [" 0 0 0 0 0 0"]
    );
    // A subtotal that its own numbers do not give: unexplained.
    assert_eq!(
        parts(&[&USED], &[&line("1", "10", "11")]),
        ["unexplained 1 0 0 0 0 1"]
    );
}

/// Files of 2021 cut every row to a cent; the tolerance grows by exactly what was cut off.
#[test]
fn rows_that_were_cut_to_cents_widen_the_tolerance_by_what_they_lost() {
    let row = |pricing: &'static str, billing: &'static str, day: &'static str| {
        vec![
            ("PricingPreTaxTotal", pricing),
            ("BillingPreTaxTotal", billing),
            ("Quantity", "1"),
            ("UsageDate", day),
        ]
    };
    // 1.019 + 1.018 + 1.017 = 3.054, of which the three rows lost 0.024; the line is 3.05.
    let rows = [
        row("1.019", "1.01", "10/01/2026"),
        row("1.018", "1.01", "10/02/2026"),
        row("1.017", "1.01", "10/03/2026"),
    ];
    let usage = sheet(USAGE, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let line = [
        ("Subtotal", "3.05"),
        ("Total", "3.05"),
        ("BillableQuantity", "3"),
    ];
    let found = tie(&usage, &sheet(LINE, &[&line]));
    // Rounding 3.054 makes 3.05 of it, 0.02 more than the rows have, and nothing else.
    assert_eq!(
        found.variances("variance_amount tolerance_amount status cause"),
        ["0.02 0.02 within_tolerance rounding"]
    );
}
