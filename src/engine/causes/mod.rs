//! The difference of a group to its causes, as parts that add up to it.

pub mod attribute;
pub mod finding;

pub mod evidence;
pub(crate) mod hypotheses;
pub mod investigate;
pub mod variance_bridge;
