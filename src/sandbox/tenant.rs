//! A partner's tenant, as it is served: its data, the settings, and the error responses of Partner
//! Center.

use super::data::Data;
use super::message::Answer;
use super::settings::Settings;

/// Path of the Graph reports of partners' billing.
pub(super) const GRAPH_ROOT: &str = "/v1.0/reports/partners/billing";
/// The same path in Graph's beta, which alone knows the newest report.
pub(super) const BETA_ROOT: &str = "/beta/reports/partners/billing";

/// Path of exchange rates and price sheets.
pub(super) const SHEETS_ROOT: &str = "/v1.0/sales/";

/// A partner's tenant behind its endpoints.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) data: Data,
    pub(super) settings: Settings,
    /// Scheme, host and port under which the sandbox is reached.
    pub(super) origin: String,
}

/// An error response in Partner Center's shape.
pub(super) fn error(status: u16, code: &str, description: &str) -> Answer {
    // All four members that the documentation names, `data` empty.
    let body = format!(
        r#"{{"code":"{code}","description":"{description}","data":[],"source":"PartnerSandbox"}}"#
    );
    error_text(status, &body)
}

/// An error response with any body.
pub(super) fn error_text(status: u16, body: &str) -> Answer {
    Answer::json(status, body).with("MS-CorrelationId", "00000000-5a4d-4b0c-8000-000000000000")
}
