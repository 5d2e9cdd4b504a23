//! Daily rated usage and reconciliation files as they come. Each test is a point of
//! `model::domain::quirks`, on data made by hand: `usage_07` is point 7 of its section on daily
//! rated usage, `recon_…` of that on reconciliation files.

use crate::fixtures::{LINE, USAGE, error_of, sheet, tie, tie_lines, tie_usage, try_tie};
use crate::sheets::gzip;

#[test]
fn usage_01_a_damaged_heading_costs_its_own_column_only() {
    let text = sheet(USAGE, &[&[]]);
    let found = tie(&text.replacen("PartnerId", "ss", 1), &sheet(LINE, &[&[]]));
    assert!(found.warns_of("columns not known and not read: `ss`"));
    assert_eq!(found.variances("status"), ["tied"]);
    let error = error_of(
        text.replacen("Quantity", "Quantit", 1).as_bytes(),
        sheet(LINE, &[&[]]).as_bytes(),
    );
    assert!(
        error.contains("line 1: found no column `Quantity`, wanted the columns of `usage`"),
        "{error}"
    );
}

#[test]
fn usage_02_numbers_saved_by_a_spreadsheet_are_read_exactly() {
    let amounts = ["7.58469E-05", "3.06E-08", "0.00E+00", "1.5e2"];
    let changes = amounts.map(|amount| [("BillingPreTaxTotal", amount), ("Quantity", "0.00E+00")]);
    let found = tie_usage(&changes.each_ref().map(<[_; 2]>::as_slice));
    assert_eq!(
        found.variances("usage_rows expected_amount expected_quantity"),
        ["4 150.0000758775 0"]
    );
}

#[test]
fn usage_03_tolerance_follows_the_digits_of_the_text() {
    let tie = |amount: &str, subtotal: &str| {
        let usage = sheet(USAGE, &[&[("BillingPreTaxTotal", amount)]]);
        let line = [("Subtotal", subtotal), ("EffectiveUnitPrice", subtotal)];
        tie(&usage, &sheet(LINE, &[&line]))
            .variances("variance_amount tolerance_amount status proof")
    };
    // An amount of ten digits or more may have been cut: half a unit of its last digit is open. A row
    // in whole cents that has no priced amount may have lost one more, as rows of 2021 did.
    assert_eq!(
        tie("12345678901.2", "12345678901.26"),
        ["0.06 0.06 within_tolerance bounded"]
    );
    assert_eq!(
        tie("12345678901.2", "12345678901.27"),
        ["0.07 0.06 break none"]
    );
    assert_eq!(
        tie("12345678.2", "12345678.21"),
        ["0.01 0.01 within_tolerance bounded"]
    );
    assert_eq!(tie("12345678.2", "12345678.22"), ["0.02 0.01 break none"]);
    assert_eq!(
        tie("123456.209", "123456.2"),
        ["-0.009 0.009 within_tolerance exact"]
    );
}

#[test]
fn usage_04_rounding_happens_once_above_the_line() {
    let row: &[(&str, &str)] = &[("BillingPreTaxTotal", "0.004")];
    let found = tie(
        &sheet(USAGE, &[row; 3]),
        &sheet(LINE, &[&[("Subtotal", "0.01")]]),
    );
    assert_eq!(
        found.variances("expected_amount status cause"),
        ["0.012 within_tolerance rounding"]
    );
}

#[test]
fn usage_05_equal_rows_are_all_counted() {
    let found = tie_usage(&[&[], &[], &[("BillingPreTaxTotal", "1.5")], &[]]);
    assert_eq!(
        found.variances("usage_rows expected_amount expected_quantity"),
        ["4 4.5 4"]
    );
    assert_eq!(
        found.table("resources", "usage_rows expected_amount invoiced_amount"),
        ["4 4.5 1"]
    );
}

#[test]
fn usage_06_the_case_of_ids_does_not_split_a_resource() {
    let found = tie_usage(&[
        &[
            ("EntitlementId", "ab-cd"),
            ("ResourceURI", "/subscriptions/ab-cd/resourceGroups/RG/x"),
        ],
        &[
            ("EntitlementId", "AB-CD"),
            ("ResourceURI", "/subscriptions/AB-CD/resourcegroups/rg/X"),
        ],
        &[
            ("EntitlementId", "ab-cd"),
            ("ResourceURI", "/SUBSCRIPTIONS/ab-cd/RESOURCEGROUPS/rg/x/"),
            ("CustomerId", "C-1"),
        ],
    ]);
    let shown = found.table(
        "resources",
        "customer_id entitlement_id resource_uri usage_rows",
    );
    assert_eq!(
        shown,
        ["c-1 ab-cd /SUBSCRIPTIONS/ab-cd/RESOURCEGROUPS/rg/x/ 3"]
    );
}

#[test]
fn usage_07_a_plan_is_no_entitlement_and_a_name_is_no_key() {
    let found = tie_usage(&[
        &[("EntitlementId", "e-1")],
        &[("EntitlementId", "e-2")],
        &[("CustomerId", "c-2")],
    ]);
    assert_eq!(
        found.variances("customer_id customer_name usage_rows invoice_lines"),
        ["c-1 Contoso 2 1", "c-2 Contoso 1 0"]
    );
    assert_eq!(
        found.table("resources", "customer_id subscription_id entitlement_id"),
        ["c-1 plan-1 e-1", "c-1 plan-1 e-2", "c-2 plan-1 e-1"]
    );
}

#[test]
fn usage_08_lost_zeros_of_a_sku_are_restored() {
    let usage = sheet(
        USAGE,
        &[
            &[("SkuId", "3")],
            &[("SkuId", "000B")],
            &[("SkuId", "B"), ("MeterName", "Other")],
        ],
    );
    let found = tie(
        &usage,
        &sheet(LINE, &[&[("SkuId", "0003")], &[("SkuId", "000b")]]),
    );
    let expect = [
        "0003 meter_and_price tied",
        "000b meter_and_price tied",
        "B  break",
    ];
    assert_eq!(found.variances("sku_id matched_on status"), expect);
}

#[test]
fn usage_09_a_meter_id_may_be_a_word() {
    let found = tie_usage(&[&[("MeterId", "8core")], &[("MeterId", "storage_gb_hours")]]);
    assert_eq!(
        found.table("resources", "meter_id"),
        ["8core", "storage_gb_hours"]
    );
}

#[test]
fn usage_10_one_group_may_have_several_effective_prices() {
    let price = |price, amount| {
        [
            ("EffectiveUnitPrice", price),
            ("BillingPreTaxTotal", amount),
            ("UnitPrice", "1"),
        ]
    };
    let rows = [
        price("0", "0"),
        price("0.85", "0.85"),
        price("1.0", "1"),
        price("0.425", "0.425"),
    ];
    let found = tie_usage(&rows.each_ref().map(<[_; 3]>::as_slice));
    assert_eq!(
        found.variances("usage_rows expected_quantity expected_amount matched_on"),
        ["4 4 2.275 meter_and_price"]
    );
}

#[test]
fn usage_11_the_earned_credit_is_one_state_however_it_is_written() {
    let credit = |percentage, kind| {
        [
            ("PartnerEarnedCreditPercentage", percentage),
            ("CreditType", kind),
        ]
    };
    let rows = [
        credit("15", ""),
        credit("0.15", ""),
        credit("15.00", "Partner Earned Credit Applied"),
        credit("", "Partner Earned Credit Applied"),
    ];
    let lines = sheet(
        LINE,
        &[&[(
            "PriceAdjustmentDescription",
            "[\"15.0% Partner earned credit for services managed\"]",
        )]],
    );
    let found = tie(
        &sheet(USAGE, &rows.each_ref().map(<[_; 2]>::as_slice)),
        &lines,
    );
    assert_eq!(
        found.variances("usage_rows price_adjustment matched_on"),
        ["4 15% partner earned credit meter_and_price"]
    );
    let none = tie_usage(&[&credit("0", "Credit Not Applied"), &credit("", "")]);
    assert_eq!(
        none.variances("usage_rows price_adjustment matched_on"),
        ["2  meter_and_price"]
    );
}

#[test]
fn usage_12_dates_are_days_in_american_order() {
    let found = tie_usage(&[
        &[("UsageDate", "10/11/2026")],
        &[("UsageDate", "10/2/2026")],
        &[("UsageDate", "10/31/2026 12:00:00 AM")],
    ]);
    assert_eq!(
        found.table(
            "resources",
            "first_usage_date last_usage_date billing_period"
        ),
        ["2026-10-02 2026-10-31 2026-10"]
    );
    // ChargeEndDate is inclusive in files and exclusive in JSON: no figure may depend on it.
    let found = tie_usage(&[
        &[("ChargeEndDate", "10/31/2026")],
        &[("ChargeEndDate", "11/01/2026")],
    ]);
    assert_eq!(found.table("resources", "usage_rows"), ["2"]);
}

#[test]
fn usage_13_units_blanks_groups_and_names_are_text() {
    let name = "Müller, Söhne & Co. \"Nord\"...";
    let found = tie_usage(&[
        &[
            ("Unit", "1 Hour"),
            ("CustomerName", name),
            ("MeterName", "SSD\u{a0}Disk"),
            ("ResourceGroup", "$system"),
        ],
        &[
            ("Unit", "1 hour"),
            ("CustomerName", name),
            ("MeterName", "ssd disk"),
            ("ResourceGroup", "$system"),
        ],
        &[
            ("Unit", "10K"),
            ("CustomerName", name),
            ("ResourceURI", "/r/2"),
            ("ResourceGroup", ""),
        ],
        &[
            ("Unit", "1"),
            ("CustomerName", name),
            ("ResourceURI", "/r/3"),
            ("MeterId", "m-2"),
        ],
    ]);
    let shown = found.table("resources", "resource_group unit usage_rows");
    assert_eq!(shown, [" 1 hour 1", "$system 1 hour 2", "rg 1 1"]);
    assert_eq!(
        found.variances("customer_name").first().map(String::as_str),
        Some(name)
    );
    assert_eq!(found.variances("usage_rows").len(), 2, "U+00A0 is a blank");
}

#[test]
fn usage_14_tags_are_long_and_hold_quotes_commas_and_line_ends() {
    let long = format!("{{\"a\":\"{}\",\"b\":\"x,\ny\"}}", "ä".repeat(465));
    let found = tie_usage(&[
        &[("Tags", &long)],
        &[("Tags", "\"env\": \"prod\",\"owner\": \"\"")],
        &[("Tags", "")],
    ]);
    assert_eq!(found.variances("usage_rows expected_amount"), ["3 3"]);
}

#[test]
fn usage_15_the_same_content_under_two_names_is_read_once() {
    let (usage, lines) = (sheet(USAGE, &[&[]]), sheet(LINE, &[&[]]));
    let found = try_tie(
        &[usage.as_bytes(), usage.as_bytes()],
        &[lines.as_bytes(), lines.as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(
        found.variances("usage_rows invoice_lines status"),
        ["1 1 tied"]
    );
    assert!(found.warns_of("has the same content as"));
}

#[test]
fn usage_16_columns_may_be_empty_in_every_row() {
    let empty = [
        "MpnId",
        "Tier2MpnId",
        "SubscriptionDescription",
        "ServiceInfo1",
        "BenefitId",
        "BenefitOrderId",
    ]
    .map(|name| (name, ""));
    assert_eq!(tie_usage(&[&empty, &empty]).variances("usage_rows"), ["2"]);
}

#[test]
fn recon_byte_order_marks_and_new_columns_do_no_harm() {
    let lines = format!(
        "\u{feff}{}",
        sheet(LINE, &[&[("ProductCategory", "Azure"), ("Tomorrow", "?")]])
    );
    let found = tie(&sheet(USAGE, &[&[]]), &lines);
    assert_eq!(found.variances("status"), ["tied"]);
    assert!(found.warns_of("`Tomorrow`") && !found.warns_of("`ProductCategory`"));
}

#[test]
fn recon_guard_apostrophes_are_no_part_of_a_number() {
    let found = tie_lines(&[
        &[
            ("BillableQuantity", "'22.000000000000000000"),
            ("Subtotal", "'1.5"),
            ("TaxTotal", "'0E-20"),
        ],
        &[
            ("BillableQuantity", "''1.000000000000000000"),
            ("Subtotal", "''0.5"),
            ("TaxTotal", "''0E-20"),
            ("ChargeStartDate", "'10/01/2026"),
        ],
    ]);
    assert_eq!(
        found.variances("invoice_lines invoiced_quantity invoiced_amount"),
        ["2 23 2"]
    );
}

#[test]
fn recon_a_removed_quantity_is_negative() {
    let removed = [
        ("BillableQuantity", "-4"),
        ("Quantity", "6"),
        ("Subtotal", "-28.387096774193548387"),
        ("ChargeType", "removeQuantity"),
    ];
    let found = tie_lines(&[&removed, &[("Subtotal", "29.387096774193548387")]]);
    assert_eq!(
        found.variances("invoiced_quantity invoiced_amount charge_type status"),
        ["-3 1 new|removeQuantity tied"]
    );
}

#[test]
fn recon_charge_types_differ_in_case_and_may_be_unknown() {
    let kinds = ["New", "new", "NEW", "somethingElse"].map(|kind| [("ChargeType", kind)]);
    let found = tie_lines(&kinds.each_ref().map(<[_; 1]>::as_slice));
    assert_eq!(
        found.variances("invoice_lines charge_type"),
        ["4 new|somethingElse"]
    );
    let credit = tie_lines(&[&[], &[("ChargeType", "CUSTOMERCREDIT"), ("Subtotal", "-1")]]);
    assert_eq!(
        credit.variances("price_adjustment invoiced_amount matched_on"),
        ["azure credit -1 ", " 1 meter_and_price"]
    );
}

#[test]
fn recon_a_reference_may_be_an_object() {
    let found = tie_lines(&[
        &[("ReferenceId", "{\"id\":\"x\",\"parts\":[1,2]}")],
        &[("ReferenceId", "0cf1202a")],
    ]);
    assert_eq!(found.variances("invoice_lines"), ["2"]);
    let lines = crate::fixtures::page(
        LINE,
        &[
            &[("ReferenceId", "={\"id\":\"x\",\"parts\":[1,{}]}")],
            &[("ReferenceId", "=17")],
        ],
    );
    assert_eq!(
        tie(&sheet(USAGE, &[&[]]), &lines).variances("invoice_lines"),
        ["2"]
    );
}

#[test]
fn recon_gzip_members_repeat_the_header() {
    let member = |marks: &str| gzip(format!("{marks}{}", sheet(LINE, &[&[], &[]])).as_bytes());
    let whole = [member("\u{feff}"), member(""), member("\u{feff}")].concat();
    let found = try_tie(&[sheet(USAGE, &[&[]]).as_bytes()], &[&whole], &[]).unwrap();
    assert_eq!(
        (
            found.variances("invoice_lines"),
            found.outcome.rejected_rows
        ),
        (vec!["6".to_owned()], 0)
    );
    let cut = &whole[..whole.len() - 5];
    assert!(
        error_of(sheet(USAGE, &[&[]]).as_bytes(), cut)
            .contains("found a gzip stream that ends too early")
    );
}

#[test]
fn recon_billable_quantity_is_the_change() {
    let found = tie_lines(&[
        &[("Quantity", "29"), ("BillableQuantity", "1.5")],
        &[("Quantity", "3"), ("BillableQuantity", "")],
    ]);
    assert_eq!(
        found.variances("invoiced_quantity"),
        ["4.5"],
        "lines of 2018 and 2019 have no BillableQuantity"
    );
}

#[test]
fn recon_numbers_and_dates_of_other_locales_are_rejected() {
    let rows: &[&[(&str, &str)]] = &[
        &[],
        &[("Subtotal", "12,50")],
        &[("ChargeStartDate", "31.10.2026")],
        &[("Subtotal", "1.234,5")],
    ];
    let found = try_tie(
        &[sheet(USAGE, &[&[]]).as_bytes()],
        &[sheet(LINE, rows).as_bytes()],
        &[],
    )
    .unwrap();
    assert_eq!(
        (found.outcome.exit_code, found.outcome.invoice_lines),
        (11, 1)
    );
    assert_eq!(
        found.table("rejected_rows", "line column found wanted"),
        [
            "3 Subtotal 12,50 a decimal number, as `1234.56`",
            "4 ChargeStartDate 31.10.2026 a date, as `2026-10-31` or `10/31/2026`",
            "5 Subtotal 1.234,5 a decimal number, as `1234.56`",
        ]
    );
}
