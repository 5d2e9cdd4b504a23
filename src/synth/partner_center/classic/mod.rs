//! The legacy commerce: classic Azure subscriptions with utilization, rate cards, and the lines of
//! a `D…` invoice of the month before.

mod invoice;
mod meter;
mod rate_card;
mod subscription;

pub(super) use self::invoice::write_legacy;
pub(super) use self::rate_card::write_rate_cards;
pub(super) use self::subscription::{Classic, write_subscription};
