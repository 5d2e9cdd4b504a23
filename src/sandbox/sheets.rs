//! Sheets of exchange rates and prices, which another host of Microsoft's serves as CSV
//! (`model::domain::resources` §G).

use super::message::{Answer, Request};
use super::pages::for_users;
use super::tenant::{SHEETS_ROOT, Tenant, error};
use super::tokens::Grant;

/// Answers a request for a sheet.
pub(super) fn answer(tenant: &Tenant, request: &Request, grant: &Grant) -> Answer {
    for_users(grant, || {
        let rest = request.path.trim_start_matches(SHEETS_ROOT);
        let sheet = rest.strip_suffix("/$value").and_then(|sheet| {
            let (name, arguments) = sheet.split_once('(')?;
            // Prices are the same in all markets.
            match name {
                "fxrates" => Some(("fx_rates", argument(arguments, "Month")?)),
                "pricesheets" => {
                    argument(arguments, "Market")?;
                    Some(("price_sheets", argument(arguments, "PricesheetView")?))
                }
                _ => None,
            }
        });
        let Some((kind, key)) = sheet else {
            return error(400, "400", "The sheet is not known.");
        };
        let Some(rows) = tenant.data.items(kind, key) else {
            return error(404, "404", "There is no such sheet.");
        };
        let mut text = String::new();
        for row in rows {
            // Written by `synth`: a list of texts without quotes inside.
            let cells = row.get().trim_start_matches('[').trim_end_matches(']');
            text.push_str(cells);
            text.push_str("\r\n");
        }
        let mut answer = Answer::json(200, text);
        answer.headers = vec![("Content-Type", "application/octet-stream".to_owned())];
        answer
    })
}

/// Value of an argument in the parentheses of a path.
fn argument<'a>(arguments: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = arguments.split_once(&format!("{name}='"))?;
    rest.split_once('\'').map(|(value, _)| value)
}
