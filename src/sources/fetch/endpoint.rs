//! An endpoint as a row of the table in `endpoints`: its path, credential and paging, and the things
//! for each of which it is asked ([endpoints §5](crate::model::domain::endpoints)).

/// Paging of a list ([endpoints §6](crate::model::domain::endpoints)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// A single response, or one with a continuation token in spite of the documentation.
    None,
    /// Continuation token in a header; the other parameters are sent again.
    Seek {
        /// Name of the parameter: `seekOperation`, or `seek_operation` for utilization.
        seek: &'static str,
    },
    /// Parameters `size` and `offset`.
    Offset,
    /// A PDF in a single response.
    File,
    /// A sheet in a single response of the host of sheets: CSV, or an archive of it.
    Sheet {
        /// Columns that its header must have, in lower case; none are named for price sheets.
        columns: &'static [&'static str],
    },
}

/// Things for each of which an endpoint is asked once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The partner: a single request.
    Partner,
    /// The billing period: a single request.
    Month,
    /// Price sheets of the pipeline file.
    PriceSheets,
    /// All customers of the partner.
    Customers,
    /// Azure plans of all customers.
    AzurePlans,
    /// Classic Azure subscriptions (MS-AZR-0145P) of all customers.
    ClassicSubscriptions,
    /// Azure plans and classic Azure subscriptions of all customers.
    AzureSubscriptions,
    /// Currencies of the pipeline file and of the period's invoices.
    Currencies,
    /// Invoices of the period.
    Invoices,
    /// Invoices of the period that are still served by id: legacy ones, and new commerce ones before
    /// 2025-05-15.
    InvoicesById,
    /// New commerce invoices of the period.
    NewInvoices,
    /// Legacy commerce invoices of the period.
    LegacyInvoices,
}

impl Over {
    /// True if a list of customers, subscriptions or invoices must be read before.
    #[must_use]
    pub fn is_planned_by_lists(self) -> bool {
        !matches!(self, Self::Partner | Self::Month | Self::PriceSheets)
    }
}

/// One endpoint of Partner Center v1, or of the host of sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name in a pipeline file's list.
    pub name: &'static str,
    /// Name of the dataset in its responses.
    pub dataset: &'static str,
    /// Path below `/v1/`, or below `/v1.0/` of the host of sheets, with placeholders.
    pub path: &'static str,
    /// Query parameters, with placeholders; one whose placeholder has no value is not sent.
    pub query: &'static [(&'static str, &'static str)],
    /// True if App+User is needed.
    pub user_only: bool,
    /// Paging of its responses.
    pub paging: Paging,
    /// Rows per page; 0 if no size is sent.
    pub page_size: u32,
    /// Things for each of which it is asked.
    pub over: Over,
    /// True if 204 means "not ready yet".
    pub waits_for_content: bool,
    /// True if its responses show the present, so that they are fetched anew each day.
    pub snapshot: bool,
    /// True if only a list with `items` shows that there is nothing: other units, or a close, follow
    /// from what it lists.
    pub proves_by_items: bool,
    /// True if it is documented to refuse a customer without usage with code 3000, which stands for
    /// "nothing" ([quirks, JSON of the API, 9](crate::model::domain::quirks)).
    pub refuses_nothing: bool,
}

impl Endpoint {
    /// True if it is on the host of exchange rates and price sheets.
    #[must_use]
    pub fn is_sheet(&self) -> bool {
        matches!(self.paging, Paging::Sheet { .. })
    }
}

/// A row with the usual values, which each endpoint starts from.
pub(super) const BASE: Endpoint = Endpoint {
    name: "",
    dataset: "",
    path: "",
    query: &[],
    user_only: false,
    paging: Paging::None,
    page_size: 0,
    over: Over::Partner,
    waits_for_content: false,
    snapshot: true,
    proves_by_items: false,
    refuses_nothing: false,
};
