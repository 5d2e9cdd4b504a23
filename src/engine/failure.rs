//! What the data may hold that the engine cannot compute with. Whatever else goes wrong in the
//! engine is a bug of ours, and an assertion.

use crate::model::dataset::Dataset;

/// Amounts that are too large, the only fault of the data that an engine function returns: faults
/// of single rows were rejected before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A number left the 28 digits that are published, or the 38 that are kept.
    #[error("an amount passes 28 digits")]
    AmountOverflow,
    /// A sum of absolute values passes
    /// [`GROSS_LIMIT`](crate::engine::count::partial::GROSS_LIMIT).
    #[error(
        "Source `{}`: found amounts or quantities that add up to more than 2 x 10^17, wanted less",
        .dataset.name()
    )]
    SumOverflow {
        /// The dataset that was summed.
        dataset: Dataset,
    },
}
