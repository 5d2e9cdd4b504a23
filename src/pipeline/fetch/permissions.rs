//! What each permission is worth to a pipeline: the endpoints that are asked with it, and the
//! tie-outs that compare what they answer.

use crate::engine::rules::definitions;
use crate::pipeline::plan::pipeline_plan::{Fetching, Plan};
use crate::sources::auth::TokenKind;
use crate::sources::doctor::finding::Loss;
use crate::sources::fetch::api_version::{self, ApiVersion, Billed};
use crate::sources::fetch::endpoints::{ENDPOINTS, Endpoint, Over, TWINS};
use crate::sources::fetch::order::Api;

/// What a pipeline loses if it has no token of a kind, or one without the permission.
pub(crate) fn loss(plan: &Plan, fetching: &Fetching, lost: TokenKind) -> Loss {
    let has_graph = fetching.account.addresses.graph.is_some();
    let twins = TWINS
        .iter()
        .map(|twin| {
            let is_export = twin.is_export_only() || is_export(&twin.v1, plan, fetching);
            (&twin.v1, is_export)
        })
        // A cloud without Graph has nothing of what is an export only, and is not asked for it.
        .filter(|(endpoint, _)| !endpoint.path.is_empty() || has_graph);
    let others = ENDPOINTS.iter().map(|endpoint| (endpoint, false));
    let endpoints: Vec<&Endpoint> = twins
        .chain(others)
        .filter(|(endpoint, _)| fetching.names.iter().any(|name| name == endpoint.name))
        .filter(|(endpoint, is_export)| needs(endpoint, *is_export, fetching, lost))
        .map(|(endpoint, _)| endpoint)
        .collect();
    let tie_outs = plan
        .tie_outs
        .iter()
        .filter(|tie_out| tie_out.enabled)
        .map(|plan| plan.tie_out)
        .filter(|tie_out| {
            let mut datasets = endpoints.iter().map(|endpoint| endpoint.dataset);
            datasets.any(|dataset| definitions::uses(dataset).any(|used| used == *tie_out))
        });
    Loss {
        tie_outs: tie_outs.map(|tie_out| tie_out.name()).collect(),
        datasets: endpoints.iter().map(|endpoint| endpoint.name).collect(),
    }
}

/// True if an endpoint is asked with a token of that kind, or planned by a list that is.
fn needs(endpoint: &Endpoint, is_export: bool, fetching: &Fetching, kind: TokenKind) -> bool {
    // Without an application, the user's token serves everything but Graph, as `Tokens::kind_for`
    // has it.
    let of_lists = match fetching.account.app {
        Some(_) => TokenKind::App,
        None => TokenKind::User,
    };
    // Both tokens of the user come from one refresh token, so that without the first there is no
    // other.
    if endpoint.is_sheet() {
        return matches!(kind, TokenKind::Sheets | TokenKind::User);
    }
    let own = if is_export {
        TokenKind::Graph
    } else if endpoint.user_only {
        TokenKind::User
    } else {
        of_lists
    };
    // Customers, subscriptions and invoices, and the currencies of the latter.
    own == kind || endpoint.over.is_planned_by_lists() && of_lists == kind
}

/// True if the dataset of a twin, here its endpoint in v1, comes as an export of Graph.
fn is_export(endpoint: &Endpoint, plan: &Plan, fetching: &Fetching) -> bool {
    let has_graph = fetching.account.addresses.graph.is_some();
    match (fetching.api, plan.period) {
        (Api::V1, _) => false,
        (Api::V2, _) => true,
        (Api::Auto, Some(period)) if endpoint.over == Over::NewInvoices => {
            let is_usage = endpoint
                .query
                .contains(&("invoicelineitemtype", "usagelineitems"));
            let what = if is_usage {
                Billed::Usage
            } else {
                Billed::Lines
            };
            api_version::billed(what, period, has_graph).0 == ApiVersion::V2
        }
        // Unbilled data are of today; so is a period that is not named yet.
        (Api::Auto, _) => has_graph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::plan::parse;

    /// Names of the tie-outs and of the datasets that a pipeline loses.
    fn lost(settings: &[&str], kind: TokenKind) -> (Vec<&'static str>, Vec<&'static str>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.toml");
        let text = "out = \"out\"\nstate = \"state\"\n[source.usage.partner_center]\n\
             [source.invoice_lines.partner_center]\n[source.invoices.partner_center]\n\
             [partner_center]\nsandbox = \"http://127.0.0.1:9\"\n\
             fetch = [\"customers\", \"subscription_usage_summary\", \"invoice_summary\", \"invoice_summaries\", \"unbilled_usage\"]\n\
             [partner_center.app.managed_identity]\n\
             [partner_center.user]\nclient_id = \"app\"\nsecret = { environment = \"NONE\" }\nrefresh_token = { environment = \"NONE\" }\n\
             [tie_out.usage-to-summary]\n[tie_out.line-arithmetic]\nenabled = false\n";
        std::fs::write(&path, text).expect("a file");
        let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
        let plan = parse::read(&path, &settings).expect("a pipeline without mistakes");
        let loss = loss(&plan, plan.fetching.as_ref().expect("a fetch"), kind);
        (loss.tie_outs, loss.datasets)
    }

    #[test]
    fn each_permission_costs_what_is_asked_with_it() {
        // Whatever is asked for each invoice, customer or currency needs the lists of App-only.
        let (tie_outs, datasets) = lost(&[], TokenKind::App);
        let all = ["lines-to-invoice", "usage-to-invoice", "usage-to-summary"];
        assert_eq!(tie_outs, all);
        let app = [
            "usage",
            "invoice_lines",
            "unbilled_usage",
            "customers",
            "subscription_usage_summary",
            "invoices",
            "invoice_summary",
        ];
        assert_eq!(datasets, app);
        let (tie_outs, datasets) = lost(&[], TokenKind::Graph);
        assert_eq!(tie_outs, all);
        assert_eq!(datasets, ["usage", "invoice_lines", "unbilled_usage"]);
        let (tie_outs, datasets) = lost(&[], TokenKind::User);
        assert_eq!(tie_outs, ["usage-to-summary"]);
        let user = ["subscription_usage_summary", "invoice_summaries"];
        assert_eq!(datasets, user);
    }

    #[test]
    fn reference_data_cost_no_tie_out() {
        let fetch = "partner_center.fetch=[\"aggregated_usage\", \"fx_rates\"]";
        let settings = [fetch, "tie_out.usage-to-summary.enabled=false"];
        let (_, datasets) = lost(&settings, TokenKind::Graph);
        assert_eq!(datasets, ["usage", "invoice_lines", "aggregated_usage"]);
        for kind in [TokenKind::User, TokenKind::Sheets] {
            assert_eq!(lost(&settings, kind), (Vec::new(), vec!["fx_rates"]));
        }
        let china = [settings[0], settings[1], "partner_center.cloud=21vianet"];
        assert_eq!(lost(&china, TokenKind::Graph), (Vec::new(), Vec::new()));
    }

    #[test]
    fn graph_is_worth_what_comes_from_it() {
        let nothing = (Vec::new(), Vec::new());
        assert_eq!(lost(&["partner_center.api=v1"], TokenKind::Graph), nothing);
        let china = &["partner_center.cloud=21vianet"];
        assert_eq!(lost(china, TokenKind::Graph), nothing);
        // Reconciliation lines of that month are served by v1 alone.
        let (_, datasets) = lost(&["period=2023-05"], TokenKind::Graph);
        assert_eq!(datasets, ["usage", "unbilled_usage"]);
    }

    #[test]
    fn a_tie_out_that_is_not_done_costs_nothing() {
        let without = &["tie_out.usage-to-summary.enabled=false"];
        let (tie_outs, datasets) = lost(without, TokenKind::User);
        assert!(tie_outs.is_empty() && datasets.len() == 2, "{datasets:?}");
    }
}
