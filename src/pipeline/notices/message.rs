//! The message to a webhook: figures of the run as one object, or as a card for Microsoft Teams. It
//! names no customer; of breaks it has the ids alone.

use serde_json::{Value, json};

use super::ended_run::{EndedRun, without_ids};
use crate::pipeline::plan::notices::WebhookFormat;
use crate::pipeline::publish::outcome::{Outcome, Total, readable};

/// Breaks whose ids a message has.
const MOST_IDS: usize = 5;
/// Version of adaptive cards that every client of Teams shows.
const CARD_VERSION: &str = "1.4";

/// JSON of the message.
#[must_use]
pub fn text(run: &EndedRun<'_>, format: WebhookFormat) -> String {
    match format {
        WebhookFormat::Json => object(run),
        WebhookFormat::Teams => card(run),
    }
    .to_string()
}

/// The run as one object; amounts are decimal text.
fn object(run: &EndedRun<'_>) -> Value {
    let mut told = json!({
        "tieout": env!("CARGO_PKG_VERSION"),
        "pipeline": run.plan.name,
        "period": run.period(),
        "status": run.status(),
        "exit_code": run.exit_code,
        "published": run.outcome.is_some(),
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "duration_ms": u64::try_from(run.took.as_millis()).ok(),
        "error": run.error.as_deref().map(without_ids),
        "hint": run.hint.as_deref().map(without_ids),
    });
    if let Some(outcome) = run.outcome {
        told["run_id"] = json!(outcome.run_id);
        told["rows"] = json!({
            "usage": outcome.usage_rows,
            "invoice_lines": outcome.invoice_lines,
            "rejected": outcome.rejected_rows,
        });
        told["breaks"] = breaks(outcome);
        told["totals"] = outcome.totals.iter().map(total).collect();
        told["largest_breaks"] = ids(outcome).into();
    }
    told
}

fn breaks(outcome: &Outcome) -> Value {
    match &outcome.ledger {
        Some(ledger) => json!({
            "new": ledger.new,
            "moved": ledger.moved,
            "resolved": ledger.resolved,
            "open": ledger.open,
            "accepted": ledger.accepted,
        }),
        None => Value::Null,
    }
}

fn total(total: &Total) -> Value {
    json!({
        "tie_out": total.tie_out,
        "currency": total.currency,
        "variance_amount": total.variance_amount,
        "gross_variance_amount": total.gross_variance_amount,
        "awaited_amount": total.awaited_amount,
        "unexplained_amount": total.unexplained_amount,
    })
}

fn ids(outcome: &Outcome) -> Vec<&str> {
    let largest = outcome.largest_breaks.iter().take(MOST_IDS);
    largest.map(|of| of.break_id.as_str()).collect()
}

/// The run as a message with one adaptive card, which workflows post as it is.
fn card(run: &EndedRun<'_>) -> Value {
    let fact = |title: &str, value: String| json!({ "title": title, "value": value });
    let mut facts = vec![
        fact("Exit code", run.exit_code.to_string()),
        fact("Duration", format!("{} s", run.took.as_secs())),
    ];
    if let Some(outcome) = run.outcome {
        if let Some(ledger) = &outcome.ledger {
            let breaks = format!(
                "{} new, {} open, {} resolved",
                ledger.new, ledger.open, ledger.resolved
            );
            facts.push(fact("Breaks", breaks));
        }
        let amounts = outcome
            .totals
            .iter()
            .filter(|total| !total.is_of_quantities);
        for total in amounts {
            let amount = format!("{} {}", total.currency, readable(&total.variance_amount));
            facts.push(fact(total.tie_out, amount));
        }
        if !outcome.largest_breaks.is_empty() {
            facts.push(fact("Largest breaks", ids(outcome).join(", ")));
        }
    }
    let color = match run.exit_code {
        0 | 12 => "Good",
        10 | 11 => "Warning",
        _ => "Attention",
    };
    let title = format!(
        "tieout {} {}: {}",
        run.plan.name,
        run.period(),
        run.status().replace('_', " ")
    );
    let mut body = vec![
        json!({
            "type": "TextBlock",
            "text": title,
            "weight": "Bolder",
            "size": "Medium",
            "color": color,
            "wrap": true,
        }),
        json!({ "type": "FactSet", "facts": facts }),
    ];
    for text in [&run.error, &run.hint].into_iter().flatten() {
        body.push(json!({ "type": "TextBlock", "text": without_ids(text), "wrap": true }));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": CARD_VERSION,
                "body": body,
            },
        }],
    })
}
