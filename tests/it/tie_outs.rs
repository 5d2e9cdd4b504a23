//! The six other tie-outs over the sandbox's data, and tie-outs tuned by a pipeline. Their results
//! on data that can be checked by hand are in `samples/`; `golden` compares those.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use rust_decimal::Decimal;
use tieout::model::cause::TieOut;
use tieout::pipeline;
use tieout::pipeline::explain::{Request, Target};

use crate::explained::number;
use crate::program::{PACKAGE, program, run_case, stderr};
use crate::runs::{Published, units};
use crate::served::{House, TODAY, serve, settings};

/// Number of groups and sum of their absolute variances, by tie-out, status and cause.
type Found = BTreeMap<(String, String, String), (usize, i128)>;

fn found(out: &Path) -> Found {
    let variances = Published::read(&out.join("current"), "variances");
    let mut found = Found::new();
    for row in variances.columns(&["tie_out", "status", "cause", "variance_amount"]) {
        let [tie_out, status, cause, amount] = <[String; 4]>::try_from(row).unwrap();
        let slot = found.entry((tie_out, status, cause)).or_default();
        slot.0 += 1;
        slot.1 += units(&amount).abs();
    }
    found
}

/// Runs `pipelines/all-tie-outs.toml` on a day; the groups that it publishes.
fn all_tie_outs(house: &House, today: &str) -> (Output, Found) {
    let output = house
        .command_on("pipelines/all-tie-outs.toml", "run", &[])
        .env("TIEOUT_TODAY", today)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let found = found(&house.path("out"));
    (output, found)
}

#[test]
fn a_month_whose_unbilled_usage_is_no_longer_served_has_no_breaks_against_it() {
    let house = House::new(serve(settings()));
    let (output, found) = all_tie_outs(&house, "2027-01-15");
    assert!(
        stderr(&output).contains("`unbilled_usage`: none for this month"),
        "{}",
        stderr(&output)
    );
    let of_bridge: Vec<&str> = found
        .keys()
        .filter(|(tie_out, ..)| tie_out == "unbilled-to-billed")
        .map(|(_, status, _)| status.as_str())
        .collect();
    assert!(
        !of_bridge.is_empty() && !of_bridge.contains(&"break"),
        "{found:?}"
    );
}

/// Groups of one tie-out, status and cause.
fn of(found: &Found, tie_out: &str, status: &str, cause: &str) -> (usize, i128) {
    let key = (tie_out.into(), status.into(), cause.into());
    found.get(&key).copied().unwrap_or_default()
}

/// Number of causes that the breaks of one tie-out have.
fn breaks(found: &Found, tie_out: &str) -> usize {
    let keys = found.keys();
    keys.filter(|(of, status, _)| of == tie_out && status == "break")
        .count()
}

/// The synthetic partner has one deviation planted for each tie-out over answers of the API.
#[test]
fn every_planted_deviation_is_the_only_break_of_its_tie_out() {
    let house = House::new(serve(settings()));
    let (_, found) = all_tie_outs(&house, TODAY);
    let of = |tie_out: &str, cause: &str| of(&found, tie_out, "break", cause);
    let breaks = |tie_out: &str| breaks(&found, tie_out);
    let euros = |whole: i128| whole * 10_i128.pow(10);
    // A summary of one unit too much, against records by meter and by resource, and against usage.
    assert_eq!(of("records-to-summary", "unexplained"), (2, euros(2)));
    assert_eq!(breaks("records-to-summary"), 1);
    assert_eq!(of("usage-to-summary", "unexplained"), (1, euros(1)));
    assert_eq!(breaks("usage-to-summary"), 1);
    // A utilization record without its line, and a line of one unit more.
    assert_eq!(of("utilization-to-usage", "missing_invoice"), (1, 0));
    assert_eq!(of("utilization-to-usage", "quantity"), (1, 0));
    assert_eq!(breaks("utilization-to-usage"), 2);
    // A meter at another price than that of the rate card.
    assert_eq!(of("rate-card", "price").0, 1);
    assert_eq!(breaks("rate-card"), 1);
    // A subtotal that its own numbers do not give.
    assert!(of("line-arithmetic", "unexplained").1 > 0);
    // The line whose rate was planted departs from the other lines, too.
    let causes = ["unexplained", "fx", "tax"].map(|cause| of("line-arithmetic", cause).0);
    assert_eq!(
        breaks("line-arithmetic"),
        causes.iter().filter(|groups| **groups > 0).count(),
        "{found:?}"
    );
    // A header without tax.
    assert!(of("lines-to-invoice", "tax").1 > 0);
    assert_eq!(breaks("lines-to-invoice"), 1);
    assert!(breaks("usage-to-invoice") > 8, "{found:?}");
    // The unbilled snapshot has the first rows only: other billed usage came after it.
    assert!(of("unbilled-to-billed", "timing").0 > 0, "{found:?}");
    every_tie_out_has_its_law(&house);
}

fn every_tie_out_has_its_law(house: &House) {
    let controls = Published::read(&house.path("out/current"), "control_totals");
    let rows = || controls.rows.iter();
    assert!(rows().all(|row| controls.cell(row, "holds") == "true"));
    for tie_out in [
        "line-arithmetic",
        "records-to-summary",
        "usage-to-summary",
        "utilization-to-usage",
        "rate-card",
        "unbilled-to-billed",
    ] {
        assert!(
            rows().any(|row| controls.cell(row, "source") == tie_out),
            "{tie_out} has its law"
        );
    }
}

const USAGE: &str = "InvoiceNumber,CustomerId,SubscriptionId,ProductId,SkuId,AvailabilityId,MeterName,UsageDate,Quantity,\
    BillingPreTaxTotal,BillingCurrency,PricingPreTaxTotal,PCToBCExchangeRate,EffectiveUnitPrice\n";
const LINES: &str = "InvoiceNumber,CustomerId,SubscriptionId,ProductId,SkuId,AvailabilityId,MeterDescription,ChargeType,Quantity,\
    BillableQuantity,Subtotal,Currency,PCToBCExchangeRate,EffectiveUnitPrice,SubscriptionDescription\n";
const PIPELINE: &str = "out = \"out\"\n[source.usage.files]\npaths = [\"usage.csv\"]\n[source.invoice_lines.files]\npaths = [\"lines.csv\"]\n";

/// Runs a command on a pipeline over one usage row and one line.
fn tuned(command: &str, usage: &str, line: &str, tuning: &str) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("usage.csv"), format!("{USAGE}{usage}\n")).unwrap();
    std::fs::write(folder.path().join("lines.csv"), format!("{LINES}{line}\n")).unwrap();
    std::fs::write(folder.path().join("x.toml"), format!("{PIPELINE}{tuning}")).unwrap();
    let output = program(&["-q", command, "x.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    (output, folder)
}

/// Some columns of the variances of one usage row and one line, against each other.
fn row(usage: &str, line: &str, tuning: &str, columns: [&str; 4]) -> Vec<Vec<String>> {
    let (output, folder) = tuned("run", usage, line, tuning);
    assert!(output.status.success(), "{}", stderr(&output));
    of_usage(folder.path(), &columns)
}

/// Columns of the variances of usage to invoice.
fn of_usage(folder: &std::path::Path, columns: &[&str]) -> Vec<Vec<String>> {
    let published = Published::read(&folder.join("out/current"), "variances");
    let at = published.at("tie_out");
    let rows = published.columns(columns).into_iter().zip(&published.rows);
    rows.filter(|(_, row)| row[at] == "usage-to-invoice")
        .map(|(cells, _)| cells)
        .collect()
}

#[test]
fn a_pipeline_adds_a_pass() {
    // The line has another product: no pass of ours matches them.
    let usage = "G1,c,s,P-OLD,0001,A,Disk,2026-10-05,10,10,EUR,10,1,1";
    let line = "G1,c,s,P-NEW,0001,A,Disk,new,1,10,10,EUR,1,1,Azure plan";
    let columns = ["matched_on", "status", "cause", "variance_amount"];
    assert_eq!(row(usage, line, "", columns).len(), 2);
    let pass = "[[tie_out.usage-to-invoice.pass]]\nname = \"renamed\"\n\
        keys = [\"invoice_number\", \"customer_id\", \"subscription_id\", \"meter_description\", \"currency\"]\n";
    assert_eq!(
        row(usage, line, pass, columns),
        [["renamed", "tied", "", "0.0000000000"]]
    );
}

#[test]
fn a_pipeline_adds_a_rounding_rule() {
    // 10.035 to one decimal: the documented rules give 10.02 to 10.05.
    let usage = "G1,c,s,P,0001,A,Disk,2026-10-05,3,10.035,EUR,10.035,1,3.345";
    let line = "G1,c,s,P,0001,A,Disk,new,1,3,10,EUR,1,3.345,Azure plan";
    let columns = ["status", "proof", "rounding_rule", "variance_amount"];
    let cells = |cells: [&str; 4]| [cells.map(str::to_owned).to_vec()];
    assert_eq!(
        row(usage, line, "", columns),
        cells(["break", "none", "", "-0.0350000000"])
    );
    let rule = "[tie_out.usage-to-invoice.rounding.house]\norder = \"at_once\"\nmode = \"half_up\"\nbilling_digits = 1\n";
    assert_eq!(
        row(usage, line, rule, columns),
        cells(["within_tolerance", "exact", "house", "-0.0350000000"])
    );
}

#[test]
fn a_pipeline_adds_a_tolerance_and_leaves_a_cause_out() {
    let usage = "G1,c,s,P,0001,A,Disk,2026-10-05,10,10,EUR,10,1,1";
    let line = "G1,c,s,P,0001,A,Disk,new,1,10,12,EUR,1,1.2,Azure plan";
    let columns = ["status", "cause", "price_amount", "unexplained_amount"];
    let amounts = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    assert_eq!(
        row(usage, line, "", columns),
        [amounts(["break", "price", "2.0000000000", "0.0000000000"])]
    );
    let tolerance = "[tie_out.usage-to-invoice.tolerance]\nabsolute = \"2\"\n";
    assert_eq!(
        row(usage, line, tolerance, columns),
        [amounts([
            "within_tolerance",
            "price",
            "2.0000000000",
            "0.0000000000"
        ])]
    );
    let without = "[tie_out.usage-to-invoice]\nwithout_causes = [\"price\"]\n";
    assert_eq!(
        row(usage, line, without, columns),
        [amounts([
            "break",
            "unexplained",
            "0.0000000000",
            "2.0000000000"
        ])]
    );
}

#[test]
fn check_explains_a_mistake_in_each() {
    let tuning = "[[tie_out.usage-to-invoice.pass]]\nname = \"meter\"\nkeys = [\"customer_id\", \"curency\"]\n\
        [[tie_out.usage-to-invoice.pass]]\nkeys = [\"customer_id\"]\nbefore = \"skus\"\n\
        [tie_out.usage-to-invoice.rounding.round_down_twice]\norder = \"twice\"\nmode = \"down\"\nbilling_digits = 12\n\
        [tie_out.usage-to-invoice.tolerance]\nabsolute = 0.05\n\
        [tie_out.usage-to-summary]\n\
        [tie_out.line-arithmetic]\nwithout_causes = [\"unexplained\"]\n";
    let (output, _folder) = tuned("check", "", "", tuning);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for words in [
        "`x.toml` line 8, key `tie_out.usage-to-invoice.pass.keys`: found `curency`, wanted one of `invoice_number`",
        "did you mean `currency`?",
        "key `tie_out.usage-to-invoice.pass.name`: found nothing, wanted a name for the pass, as it appears in `matched_on`",
        "key `tie_out.usage-to-invoice.pass.keys`: found no `currency`, wanted `currency` among the keys",
        "amounts of different currencies are never netted",
        "key `tie_out.usage-to-invoice.pass.before`: found `skus`, wanted one of `meter_and_price`",
        "key `tie_out.usage-to-invoice.rounding.round_down_twice`: found a documented rule, wanted a name that no documented rule has",
        "key `tie_out.usage-to-invoice.rounding.round_down_twice.order`: found `twice`, wanted one of `amount_then_rate`",
        "key `tie_out.usage-to-invoice.rounding.round_down_twice.billing_digits`: found the integer `12`, wanted a number of decimals, 0 to 10",
        "key `tie_out.usage-to-invoice.tolerance.absolute`: found the float `0.05`",
        "key `tie_out.usage-to-summary`: found no data for this tie-out, wanted the source `subscription_usage_summary`",
        "key `tie_out.line-arithmetic.without_causes`: found `unexplained`, wanted one of `rounding`",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn usage_of_an_account_that_lost_rows_is_awaited() {
    let usage = "G1,c,s,P,0001,A,Disk,2026-10-05,10,10,EUR,10,1,1\nG1,c,s,P,0001,A,Disk,2026-10-06,ten,10,EUR,10,1,1\n\
        G1,d,s,P,0001,A,Disk,2026-10-05,10,10,EUR,10,1,1";
    let line = "G1,c,s,P,0001,A,Disk,new,1,20,20,EUR,1,1,Azure plan\nG1,d,s,P,0001,A,Disk,new,1,20,20,EUR,1,1,Azure plan";
    let (output, folder) = tuned("run", usage, line, "");
    assert_eq!(output.status.code(), Some(11), "{}", stderr(&output));
    let statuses = of_usage(folder.path(), &["customer_id", "status"]);
    assert_eq!(statuses, [["c", "awaited"], ["d", "break"]]);
}

#[test]
fn a_header_whose_lines_lost_a_row_is_awaited() {
    let (usage, lines) = (
        format!("{USAGE}G1,c,s,P,0001,A,Disk,2026-10-05,10,10,EUR,10,1,1\n"),
        format!(
            "{LINES}G1,c,s,P,0001,A,Disk,new,1,10,10,EUR,1,1,Azure plan\nG1,c,s,Q,0001,A,Disk,new,1,10,ten,EUR,1,1,Azure plan\n"
        ),
    );
    let header = "{\"id\": \"G1\", \"currencyCode\": \"EUR\", \"totalCharges\": 20}";
    let found = crate::fixtures::try_tie(
        &[usage.as_bytes()],
        &[lines.as_bytes()],
        &[header.as_bytes()],
    )
    .unwrap();
    assert_eq!(
        found.table("variances", "tie_out status"),
        ["lines-to-invoice awaited", "usage-to-invoice tied"]
    );
    assert_eq!(found.outcome.exit_code, 11);
}

/// Explains every group of a sample that has rows on both sides, and returns how many there are of
/// the tie-out that the sample is named after.
fn explained(sample: &str, tie_out: &str) -> usize {
    let out = tempfile::tempdir().unwrap();
    run_case(&Path::new(PACKAGE).join("samples").join(sample), out.path());
    let table = Published::read(&out.path().join("current"), "variances");
    let mut explained = 0;
    for row in &table.rows {
        let cell = |name: &str| table.cell(row, name);
        // Headers, the other side of `lines-to-invoice`, are not counted in a column.
        let is_one_sided = match tie_out {
            "lines-to-invoice" => cell("invoice_lines") == "0",
            _ => [cell("usage_rows"), cell("invoice_lines")].contains(&"0"),
        };
        if cell("tie_out") != tie_out || is_one_sided {
            continue;
        }
        let request = Request {
            target: Target::Break(cell("break_id").to_owned()),
            out: out.path().to_owned(),
            run: None,
            limit: 1_000_000,
        };
        let found = pipeline::explain::explain(&request).unwrap();
        let answer = serde_json::to_value(found).unwrap();
        for side in ["expected", "invoiced"] {
            let side_of = &answer["groups"][0][side];
            let lines = side_of["lines"].as_array().unwrap();
            assert!(!lines.is_empty(), "{side} of {row:?}");
            // The card has prices, and the recomputed side of a line no row of its own.
            let is_computed = ["rate-card", "line-arithmetic"].contains(&tie_out);
            // The lines that are right are one group, which shows all lines of its invoice.
            let is_summary = tie_out == "line-arithmetic" && cell("status") == "tied";
            if is_summary || (is_computed && side == "expected") {
                continue;
            }
            let sum: Decimal = lines.iter().map(|line| number(&line["amount"])).sum();
            let published = number(&side_of["published"]);
            assert!(
                (sum - published).abs() < Decimal::new(1, 9),
                "{side}: {sum} of {row:?}"
            );
        }
        explained += 1;
    }
    explained
}

#[test]
fn each_tie_out_is_explained_with_the_rows_of_both_sides() {
    for tie_out in TieOut::ALL {
        let name = tie_out.name();
        let sample = match tie_out {
            TieOut::UsageToInvoice => "worked-example",
            _ => name,
        };
        assert!(explained(sample, name) > 0, "{name}");
    }
}
