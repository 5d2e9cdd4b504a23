//! The ordinary tenant, asked over the wire: its figures add up, every documented route answers,
//! and a night looks as the documents say.

use std::collections::BTreeMap;

use serde_json::Value;
use tieout::model::decimal::{self, Rounding};
use tieout::sandbox::ordinary::{self, QUIRKS, Quirks};

pub(crate) mod wire;

use wire::{Night, amount, call, on, post_form, text};

fn invoice_body(invoice: &Value) -> String {
    format!(
        r#"{{"invoiceId":"{}","attributeSet":"full"}}"#,
        invoice["id"].as_str().unwrap()
    )
}

/// Digits of a header's total, at two decimals; through text, as the total is a JSON number.
fn cents(value: &Value) -> i128 {
    decimal::parse(value.to_string().as_bytes(), 2)
        .unwrap()
        .value
}

#[test]
fn usage_lines_and_headers_agree_but_for_the_planted_variance() {
    let settings = on("2026-11-16", &[]);
    let planted = ordinary::planted_variance(&settings).unwrap();
    let night = Night::new(settings);
    let invoices = night.october();
    assert_eq!(invoices.len(), 4);
    let mut differing = Vec::new();
    for invoice in &invoices {
        let lines = night.rows(&night.manifest("reconciliation/billed", &invoice_body(invoice)));
        let total: i128 = lines.iter().map(|line| amount(line, "Total")).sum();
        let scale = 10_i128.pow(13);
        assert_eq!(total, cents(&invoice["totalCharges"]) * scale);
        let usage = night.operation("usage/billed", &invoice_body(invoice));
        if usage["status"] == "failed" {
            assert_eq!(usage["error"]["code"], "5000");
            continue;
        }
        let rows = night.rows(&night.manifest("usage/billed", &invoice_body(invoice)));
        let key = |row: &wire::Row| {
            let names = ["SubscriptionId", "ProductId", "SkuId", "AvailabilityId"];
            names.map(|name| text(row, name))
        };
        let mut costs: BTreeMap<([String; 4], bool), i128> = BTreeMap::new();
        for row in &rows {
            let earned = text(row, "PartnerEarnedCreditPercentage") == "15";
            *costs.entry((key(row), earned)).or_default() += amount(row, "PricingPreTaxTotal");
        }
        for line in lines
            .iter()
            .filter(|line| text(line, "SubscriptionDescription") == "Azure plan")
        {
            let earned = !text(line, "PriceAdjustmentDescription").is_empty();
            let cost = costs.remove(&(key(line), earned)).unwrap();
            let rate = amount(line, "PCToBCExchangeRate");
            let down = decimal::rescale(cost, 15, 2, Rounding::Down).unwrap();
            let billed = decimal::multiply((down, 2), (rate, 15), 2, Rounding::Down).unwrap();
            let again = decimal::multiply_three(
                [
                    (amount(line, "EffectiveUnitPrice"), 15),
                    (amount(line, "BillableQuantity"), 15),
                    (1, 0),
                ],
                2,
                Rounding::Down,
            );
            let again = decimal::multiply((again.unwrap(), 2), (rate, 15), 2, Rounding::Down);
            let subtotal = amount(line, "Subtotal") / scale;
            assert_eq!(again.unwrap(), subtotal, "the line's own arithmetic");
            if billed != subtotal {
                differing.push((text(line, "SubscriptionId"), text(line, "SkuId")));
            }
        }
        assert!(costs.is_empty(), "usage without a line: {costs:?}");
    }
    let (_, sku) = planted.product.split_once('/').unwrap();
    assert_eq!(differing, [(planted.subscription, sku.to_owned())]);
}

#[test]
fn nights_of_a_close_are_as_the_documents_say() {
    let first = Night::new(on("2026-11-01", &[]));
    assert!(first.october().is_empty());
    let unbilled = r#"{"currencyCode":"EUR","billingPeriod":"last"}"#;
    assert!(
        first
            .rows(&first.manifest("usage/unbilled", unbilled))
            .len()
            > 300
    );

    let sixth = Night::new(on("2026-11-06", &[]));
    let invoice = sixth.october().remove(0);
    let lines = sixth.operation("reconciliation/billed", &invoice_body(&invoice));
    assert_eq!(
        (&lines["status"], &lines["error"]["code"]),
        (&"failed".into(), &"5000".into())
    );
    let unbilled = sixth.operation("usage/unbilled", unbilled);
    assert_eq!(unbilled["error"]["message"], "No data available");

    let tag = |day: &str, kind: &str| {
        let night = Night::new(on(day, &[]));
        let manifest = night.manifest(kind, &invoice_body(&invoice));
        (night.rows(&manifest).len(), manifest["eTag"].clone())
    };
    let usage = ["2026-11-08", "2026-11-10", "2026-11-16"].map(|day| tag(day, "usage/billed"));
    assert!(
        usage[0].0 < usage[1].0 && usage[0].1 != usage[1].1,
        "{usage:?}"
    );
    assert_eq!(usage[1], usage[2]);
    let lines = ["2026-11-08", "2026-11-10"].map(|day| tag(day, "reconciliation/billed"));
    assert_eq!(lines[0], lines[1]);
}

/// Items of all three pages of customers, of whom one is listed twice.
fn all_customers(night: &Night) -> Vec<Value> {
    let path = "/v1/customers?size=40";
    let mut page = night.app(path).json();
    let mut items: Vec<Value> = Vec::new();
    loop {
        let of_page = page["items"].as_array().unwrap();
        if let Some(last) = items.last() {
            assert!(items.len() > 15 || of_page[0] == *last, "listed twice");
        }
        items.extend(of_page.iter().cloned());
        let Some(token) = page["continuationToken"].as_str() else {
            assert!(page["links"].get("next").is_none());
            return items;
        };
        let token = [("MS-ContinuationToken", token)];
        page = night
            .app_with(&format!("{path}&seekOperation=Next"), &token)
            .json();
    }
}

#[test]
fn every_documented_route_answers() {
    let night = Night::new(on(
        "2026-11-16",
        &["no-utilization-not-ready", "no-broken-500"],
    ));
    let all = all_customers(&night);
    assert_eq!(all.len(), 41);
    let azure = all[0]["id"].as_str().unwrap();
    let classic = all[29]["id"].as_str().unwrap();
    let held = |customer: &str| {
        let subscriptions = night
            .app(&format!("/v1/customers/{customer}/subscriptions"))
            .json();
        subscriptions["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let (plan, commerce) = (held(azure), held(classic));
    let span = "start_time=2026-10-01T00:00:00Z&end_time=2026-11-10T00:00:00Z";
    let paths = [
        format!("/v1/customers/{azure}"),
        format!("/v1/customers/{azure}/subscriptions/{plan}"),
        format!("/v1/customers/{azure}/subscriptions/{plan}/azureEntitlements"),
        format!("/v1/customers/{classic}/subscriptions/{commerce}/utilizations/azure?{span}"),
        "/v1/ratecards/azure".to_owned(),
        "/v1/ratecards/azure-shared".to_owned(),
        "/v1/usagesummary".to_owned(),
        "/v1/customers/usagerecords".to_owned(),
        format!("/v1/customers/{azure}/usagesummary"),
        format!("/v1/customers/{classic}/usagesummary"),
        format!("/v1/customers/{azure}/subscriptions/usagerecords"),
        format!("/v1/customers/{azure}/subscriptions/{plan}/usagesummary"),
        format!("/v1/customers/{azure}/subscriptions/{plan}/meterusagerecords"),
        format!("/v1/customers/{azure}/subscriptions/{plan}/resourceusagerecords"),
        format!("/v1/customers/{classic}/subscriptions/{commerce}/usagerecords/resources"),
        format!("/v1/customers/{azure}/usagebudget"),
        format!("/v1/customers/{classic}/servicecosts/mostrecent"),
        format!("/v1/customers/{classic}/servicecosts/mostrecent/lineitems"),
        "/v1/invoices/summary".to_owned(),
        "/v1/invoices/summaries".to_owned(),
        "/v1/invoices/estimates/links?currencycode=EUR".to_owned(),
    ];
    for path in paths {
        let reply = night.user(&path);
        assert_eq!(
            reply.status,
            200,
            "{path}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        assert!(reply.json().is_object(), "{path}");
        assert_eq!(reply.headers["ms-requestid"].len(), 36);
    }
    for path in [
        "/v1.0/sales/fxrates(Month='202610')/$value",
        "/v1.0/sales/pricesheets(Market='DE',PricesheetView='azure_consumption')/$value",
    ] {
        let reply = night.sheet(path);
        assert!(
            reply.status == 200 && reply.body.starts_with(b"\""),
            "{path}"
        );
    }
}

#[test]
fn legacy_and_old_invoices_come_from_partner_center_alone() {
    let night = Night::new(on("2026-11-16", &[]));
    let list = night.app("/v1/invoices?size=2&offset=0").json();
    let items = list["items"].as_array().unwrap();
    // Two legacy ones, and all modern ones whatever was asked.
    assert_eq!(items.len(), 2 + 209);
    assert_eq!(list["links"]["next"]["uri"], "/invoices?size=2&offset=2");
    let new = night.october()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(night.user(&format!("/v1/invoices/{new}")).status, 404);
    let statement = night.user(&format!("/v1/invoices/{new}/documents/statement"));
    assert!(statement.body.starts_with(b"%PDF"));
    let lines = "lineitems?provider=onetime&invoicelineitemtype=billinglineitems";
    let refused = night.app(&format!("/v1/invoices/{new}/{lines}"));
    assert_eq!(refused.status, 400);
    let all = night.app("/v1/invoices").json();
    assert_eq!(all["items"].as_array().unwrap().len(), 230);
    for invoice in all["items"].as_array().unwrap().iter().take(24) {
        let id = invoice["id"].as_str().unwrap();
        let mut total = 0;
        for provider in ["office", "azure"] {
            let path = format!(
                "/v1/invoices/{id}/lineitems?provider={provider}&\
                 invoicelineitemtype=billinglineitems&size=2000&offset=0"
            );
            let listed = invoice["invoiceDetails"].to_string().contains(provider);
            let reply = night.app(&path);
            assert_eq!(
                reply.status,
                if listed { 200 } else { 400 },
                "{id} {provider}"
            );
            for line in reply.json()["items"].as_array().into_iter().flatten() {
                total += cents(match provider {
                    "office" => &line["totalForCustomer"],
                    _ => &line["postTaxTotal"],
                });
            }
        }
        assert_eq!(night.user(&format!("/v1/invoices/{id}")).status, 200);
        if id.starts_with('D') {
            assert_eq!(total, cents(&invoice["totalCharges"]), "{id}");
            let body = format!(r#"{{"invoiceId":"{id}"}}"#);
            let failed = night.operation("reconciliation/billed", &body);
            let message = failed["error"]["message"].as_str().unwrap();
            assert!(message.starts_with("No reconciliation data available currently"));
        } else {
            let path = format!(
                "/v1/invoices/{id}/lineitems?provider=onetime&\
                                invoicelineitemtype=billinglineitems&size=2000"
            );
            let lines = night.app(&path).json();
            let lines = lines["items"].as_array().unwrap().clone();
            let total: i128 = lines
                .iter()
                .map(|line| cents(&line["totalForCustomer"]))
                .sum();
            assert_eq!(total, cents(&invoice["totalCharges"]), "{id}");
        }
    }
}

#[test]
fn what_a_page_requires_is_required() {
    let mut settings = on("2026-11-16", &["dead-refresh-token"]);
    settings.customer_calls = 3;
    settings.second_ms = 1_000;
    let night = Night::new(settings);
    assert_eq!(night.app("/v1/customers").status, 400);
    assert_eq!(night.app("/v1/nothing").status, 404);
    assert_eq!(night.app("/v1/usagesummary").json()["code"], "900329");
    assert_eq!(
        night.user("/v1/invoices").status,
        401,
        "the refresh token is dead"
    );
    let bare = call(night.address, "GET", "/v1/invoices", &[], "");
    assert_eq!(bare.status, 401);
    let id = night.app("/v1/customers?size=1").json()["items"][0]["id"].clone();
    let path = format!("/v1/customers/{}", id.as_str().unwrap());
    let replies: Vec<u16> = (0..4).map(|_| night.app(&path).status).collect();
    assert_eq!(replies, [200, 200, 200, 429]);
    assert_eq!(night.app(&path).headers["retry-after"], "57");
    for form in [
        "grant_type=client_credentials&resource=x&client_id=c",
        "grant_type=client_credentials&client_id=c&client_secret=s&resource=https%3A%2F%2Fother",
        "grant_type=refresh_token&refresh_token=r&client_id=c&client_secret=s&resource=x",
        "grant_type=password&client_id=c&client_secret=s&resource=x",
    ] {
        let reply = post_form(night.address, "/t/oauth2/token", form);
        assert!([400, 401].contains(&reply.status), "{form}");
        assert!(reply.json()["error"].is_string());
    }
    for body in [
        "{}",
        "[]",
        r#"{"invoiceId":"G","x":1}"#,
        r#"{"invoiceId":"G","attributeSet":"a"}"#,
    ] {
        let path = "/v1.0/reports/partners/billing/usage/billed/export";
        assert_eq!(night.graph(path, body).status, 400, "{body}");
    }
    let path = "/v1.0/reports/partners/billing/operations/unknown";
    assert_eq!(night.graph(path, "").status, 404);
}

#[test]
fn blobs_are_for_whoever_has_the_signature_while_it_lasts() {
    let night = Night::new(on("2026-11-16", &[]));
    let invoice = night.october().remove(0);
    let manifest = night.manifest("usage/billed", &invoice_body(&invoice));
    let path = night.blob(&manifest, manifest["blobs"][0]["name"].as_str().unwrap());
    let whole = call(night.address, "GET", &path, &[], "");
    let part = call(night.address, "GET", &path, &[("Range", "bytes=10-19")], "");
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[10..20]));
    assert_eq!(
        part.headers["content-range"],
        format!("bytes 10-19/{}", whole.body.len())
    );
    let beyond = call(
        night.address,
        "GET",
        &path,
        &[("Range", "bytes=99999999-")],
        "",
    );
    assert_eq!(beyond.status, 416);
    let token = call(
        night.address,
        "GET",
        &path,
        &[("Authorization", "Bearer x")],
        "",
    );
    assert_eq!(token.status, 403);
    let (bare, _) = path.split_once('?').unwrap();
    assert_eq!(call(night.address, "GET", bare, &[], "").status, 403);
    let mut settings = on("2026-11-16", &[]);
    settings.sas_seconds = 0;
    let night = Night::new(settings);
    let manifest = night.manifest("usage/billed", &invoice_body(&invoice));
    let path = night.blob(&manifest, manifest["blobs"][0]["name"].as_str().unwrap());
    assert_eq!(call(night.address, "GET", &path, &[], "").status, 403);
}

#[test]
fn quirks_have_names_that_differ_and_can_be_switched() {
    let names: std::collections::BTreeSet<&str> = QUIRKS.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(names.len(), QUIRKS.len());
    // `no-NAME` must never be a name itself, or the two could not be told apart.
    for name in &names {
        assert!(
            !names.iter().any(|other| format!("no-{other}") == **name),
            "{name}"
        );
    }
    assert_eq!(Quirks::named(["nonsense"]).unwrap_err(), "nonsense");
    let night = Night::new(on(
        "2026-11-16",
        &["empty-export-succeeds", "completed-status", "bom"],
    ));
    let licences = night.october().remove(3);
    let manifest = night.operation("usage/billed", &invoice_body(&licences));
    assert_eq!(manifest["status"], "completed");
    let manifest = night.manifest("usage/billed", &invoice_body(&licences));
    assert_eq!(manifest["blobCount"], 0);
}

#[test]
fn lists_end_and_fail_as_they_were_reported() {
    let night = Night::new(on(
        "2026-11-16",
        &[
            "link-only",
            "number-code",
            "null-items",
            "nameless-customer",
            "endless-list",
        ],
    ));
    let first = night.app("/v1/customers?size=40").json();
    assert!(first.get("continuationToken").is_none());
    let next = &first["links"]["next"];
    assert_eq!(next["headers"], Value::Array(Vec::new()));
    let link = format!("/v1{}", next["uri"].as_str().unwrap());
    let second = night.app(&link).json();
    let items = second["items"].as_array().unwrap();
    assert_eq!(
        items.iter().filter(|item| item.get("id").is_none()).count(),
        1
    );
    let empty = items[7]["id"].as_str().unwrap();
    let list = night.app(&format!("/v1/customers/{empty}/subscriptions"));
    assert_eq!(list.body, br#"{"totalCount": 0, "items": null}"#);
    let link = second["links"]["next"]["uri"].as_str().unwrap();
    let third = night.app(&format!("/v1{link}")).json();
    let third = third["items"].as_array().unwrap();
    let former = third.last().unwrap()["id"].as_str().unwrap();
    let refused = night.app(&format!("/v1/customers/{former}/subscriptions"));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (403, &20_002.into())
    );
    let beyond = night.app("/v1/invoices?size=200&offset=1000").json();
    assert_eq!(beyond["items"].as_array().unwrap().len(), 209);
    assert_eq!(
        beyond["links"]["next"]["uri"],
        "/invoices?size=200&offset=1200"
    );
}

#[test]
fn exports_end_in_all_their_reported_shapes() {
    let night = Night::new(on("2026-11-16", &["inline-manifest", "aggregated-v1"]));
    let invoice = night.october().remove(0);
    let inline = night.operation("usage/billed", &invoice_body(&invoice));
    assert!(night.rows(&inline["resourceLocation"]).len() > 300);
    let body = format!(r#"{{"invoiceId":"{}"}}"#, invoice["id"].as_str().unwrap());
    let aggregated = night.operation("aggregatedUsage/billed", &body);
    let rows = night.rows(&aggregated["resourceLocation"]);
    assert!(rows.iter().all(|row| row.contains_key("PartnerPrice")));

    let mut settings = on("2026-11-16", &["string-manifest", "gone-operations"]);
    settings.export_ms = Some(300);
    let night = Night::new(settings);
    let path = "/v1.0/reports/partners/billing/usage/billed/export";
    let accepted = night.graph(path, &body);
    let place = accepted.headers["location"].clone();
    let place = place.split_once("/v1.0").unwrap().1.to_owned();
    let place = format!("/v1.0{place}");
    let running = night.graph(&place, "");
    assert_eq!(running.json()["status"], "running");
    assert!(running.headers["retry-after"].starts_with("0."));
    std::thread::sleep(std::time::Duration::from_millis(400));
    let ended = night.graph(&place, "").json();
    assert!(ended["resourceLocation"].is_string());
    assert_eq!(night.graph(&place, "").status, 410);
}

#[test]
fn requests_are_recorded_without_their_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    let mut settings = on("2026-11-16", &[]);
    settings.requests = Some(file.clone());
    let night = Night::new(settings);
    let invoice = night.october().remove(0);
    let manifest = night.manifest("usage/billed", &invoice_body(&invoice));
    night.rows(&manifest);
    let record = std::fs::read_to_string(file).unwrap();
    let services = ["login", "partnercenter", "graph", "blob"];
    for service in services {
        assert!(
            record.contains(&format!(r#""service":"{service}""#)),
            "{service}"
        );
    }
    for secret in [
        "eyJ0eXAi",
        "client_secret",
        manifest["sasToken"].as_str().unwrap(),
    ] {
        assert!(!record.contains(secret), "{secret}");
    }
    assert!(
        record
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
}
