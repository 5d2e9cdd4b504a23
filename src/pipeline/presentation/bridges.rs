//! Bridge from usage to invoice, one for each currency: what usage comes to, each cause's part, and what
//! the lines that usage is expected behind ask for.

use std::collections::BTreeMap;

use super::money::Money;
use super::table_rows::TableRow;
use super::verdicts::part_column;
use crate::model::cause::{Cause, Status, TieOut};
use crate::model::tables::{VARIANCES, column_of};

const TIE_OUT: usize = column_of(&VARIANCES, "tie_out");
const CURRENCY: usize = column_of(&VARIANCES, "currency");
const STATUS: usize = column_of(&VARIANCES, "status");
const EXPECTED: usize = column_of(&VARIANCES, "expected_amount");
const INVOICED: usize = column_of(&VARIANCES, "invoiced_amount");
const VARIANCE: usize = column_of(&VARIANCES, "variance_amount");

/// Bridge of one currency: `usage`, all `steps` and `invoiced` foot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageBridge {
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// What usage says is owed.
    pub usage: Money,
    /// Parts by cause that are not nothing, in the order of the causes; groups that are awaited last.
    pub steps: Vec<BridgeStep>,
    /// What the lines that usage is expected behind ask for.
    pub invoiced: Money,
}

/// Step of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeStep {
    /// Name of the cause, or `awaited`.
    pub cause: &'static str,
    /// Part of the difference, with sign.
    pub amount: Money,
}

/// Sums of one currency.
#[derive(Debug, Default)]
struct BridgeSums {
    usage: Money,
    invoiced: Money,
    parts: [Money; Cause::ALL.len()],
    awaited: Money,
}

/// Collector of the bridges, by currency.
#[derive(Debug, Default)]
pub(super) struct BridgesByCurrency(BTreeMap<String, BridgeSums>);

impl BridgesByCurrency {
    pub(super) fn add(&mut self, row: TableRow<'_>) {
        let status = row.text(STATUS);
        if row.text(TIE_OUT) != TieOut::UsageToInvoice.name() || status == Status::OutOfScope.name()
        {
            return;
        }
        let sums = self.0.entry(row.text(CURRENCY).to_owned()).or_default();
        sums.usage += Money(row.number(EXPECTED));
        sums.invoiced += Money(row.number(INVOICED));
        // An awaited group may tie once its rows arrive: it has no cause yet.
        if status == Status::Awaited.name() {
            sums.awaited += Money(row.number(VARIANCE));
            return;
        }
        for (part, cause) in sums.parts.iter_mut().zip(Cause::ALL) {
            *part += Money(row.number(part_column(cause)));
        }
    }

    pub(super) fn finish(self) -> Vec<UsageBridge> {
        let bridges = self.0.into_iter().map(|(currency, sums)| {
            let parts = Cause::ALL.into_iter().map(Cause::name).zip(sums.parts);
            let steps = parts
                .chain([(Status::Awaited.name(), sums.awaited)])
                .filter(|(_, amount)| !amount.is_zero())
                .map(|(cause, amount)| BridgeStep { cause, amount });
            UsageBridge {
                currency,
                usage: sums.usage,
                steps: steps.collect(),
                invoiced: sums.invoiced,
            }
        });
        bridges.collect()
    }
}
