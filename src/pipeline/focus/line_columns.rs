//! Columns of invoice lines in FOCUS 1.4, Invoice Detail: 20 of its 22, for lines are paid in the
//! currency in which they are billed, and our own behind them.

use super::columns::{FocusColumn, instant, number, text};
use super::line_rows::{LineRow, line};
use super::source_rows::midnight;

/// Columns of any lines, for whoever wants their names and types.
pub(super) const LINE_COLUMNS: &[FocusColumn<LineRow<'static>>] = &LineRow::COLUMNS;

impl LineRow<'_> {
    /// Columns, those of FOCUS first, each part in the order of the alphabet.
    pub(super) const COLUMNS: [FocusColumn<Self>; 42] = [
        number(
            "BilledCost",
            "subtotal; of the record of the tax, tax",
            |row| Some(row.amount),
        ),
        text("BillingAccountId", "partner_id", |row| {
            row.source.text(const { line("partner_id") })
        }),
        text("BillingCurrency", "currency", |row| {
            row.source.text(const { line("currency") })
        }),
        instant(
            "BillingPeriodEnd",
            "first instant after the run's period",
            |row| Some(row.facts.period_instants()[1]),
        ),
        instant(
            "BillingPeriodStart",
            "first instant of the run's period",
            |row| Some(row.facts.period_instants()[0]),
        ),
        text(
            "ChargeCategory",
            "Usage, Purchase, Credit, Adjustment or Tax",
            |row| Some(row.category()),
        ),
        instant(
            "InvoiceDetailCreated",
            "start of the first run that had these lines",
            |row| Some(row.facts.imported_at),
        ),
        text(
            "InvoiceDetailDescription",
            "product, SKU and meter by name",
            |row| row.description.as_deref(),
        ),
        text(
            "InvoiceDetailGrain",
            "what the line is for, as a JSON object",
            |row| row.grain.as_deref(),
        ),
        text(
            "InvoiceDetailId",
            "hash over all columns of the line",
            |row| Some(&row.id),
        ),
        instant(
            "InvoiceDetailLastUpdated",
            "as InvoiceDetailCreated: a changed line is another",
            |row| Some(row.facts.imported_at),
        ),
        text("InvoiceId", "invoice_number", |row| Some(&row.invoice)),
        instant("InvoiceIssueDate", "null: the lines do not tell it", |_| {
            None
        }),
        text(
            "InvoiceIssueStatus",
            "Issued: lines that are not billed are left out",
            |_| Some("Issued"),
        ),
        text(
            "InvoiceIssuerName",
            "Microsoft, or the issuer that the export was given",
            |row| Some(&row.facts.issuer),
        ),
        text("PaymentCurrency", "currency", |row| {
            row.source.text(const { line("currency") })
        }),
        instant("PaymentDueDate", "null: the lines do not tell it", |_| None),
        text("PaymentTerms", "Net 60", |_| Some("Net 60")),
        text(
            "PurchaseOrderNumber",
            "null: the lines do not tell it",
            |_| None,
        ),
        text("ReferenceInvoiceId", "invoice_number", |row| {
            Some(&row.invoice)
        }),
        number(
            "x_BilledUnitPriceInPricingCurrency",
            "effective_unit_price",
            |row| row.figures()?.effective_price,
        ),
        number("x_BillingExchangeRate", "exchange_rate", |row| {
            row.figures()?.exchange_rate
        }),
        instant("x_BillingExchangeRateDate", "exchange_rate_date", |row| {
            row.figures()
                .and(row.source.day(const { line("exchange_rate_date") }))
                .map(midnight)
        }),
        instant(
            "x_ChargePeriodEnd",
            "first instant after charge_end_date",
            |row| row.charge_end,
        ),
        instant(
            "x_ChargePeriodStart",
            "first instant of charge_start_date",
            |row| row.charge_start,
        ),
        text("x_ChargeType", "charge_type", |row| {
            row.source.text(const { line("charge_type") })
        }),
        text("x_CreditReasonCode", "credit_reason_code", |row| {
            row.source.text(const { line("credit_reason_code") })
        }),
        text("x_CustomerId", "customer_id", |row| {
            row.source.text(const { line("customer_id") })
        }),
        text("x_CustomerName", "customer_name", |row| {
            row.source.text(const { line("customer_name") })
        }),
        number("x_ListUnitPriceInPricingCurrency", "unit_price", |row| {
            row.figures()?.list_price
        }),
        text(
            "x_PriceAdjustmentDescription",
            "price_adjustment_description",
            |row| row.of_figures(const { line("price_adjustment_description") }),
        ),
        text("x_PricingCurrency", "pricing_currency", |row| {
            row.of_figures(const { line("pricing_currency") })
        }),
        number("x_PricingQuantity", "billable_quantity", |row| {
            row.figures()?.billable_quantity
        }),
        text("x_PricingUnit", "unit_type", |row| {
            row.of_figures(const { line("unit_type") })
        }),
        text("x_ProductId", "product_id", |row| row.product.as_deref()),
        text("x_ProductSkuId", "sku_id", |row| row.sku.as_deref()),
        text("x_PublisherName", "publisher_name", |row| {
            row.source.text(const { line("publisher_name") })
        }),
        number("x_PurchasedQuantity", "quantity", |row| {
            row.figures()?.quantity
        }),
        text("x_ResellerId", "tier2_mpn_id", |row| {
            row.source
                .text(const { line("tier2_mpn_id") })
                .filter(|id| *id != "-1")
        }),
        text("x_ReservationOrderId", "reservation_order_id", |row| {
            row.source.text(const { line("reservation_order_id") })
        }),
        text("x_RunId", "run that the lines are of", |row| {
            Some(&row.facts.run_id)
        }),
        text("x_SubscriptionId", "subscription_id", |row| {
            row.source.text(const { line("subscription_id") })
        }),
    ];
}
