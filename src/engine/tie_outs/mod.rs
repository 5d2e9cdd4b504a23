//! The tie-outs besides usage to invoice, each over two lists of rows.

pub mod line_arithmetic;
pub mod lines_to_invoice;
pub mod two_lists;
pub mod unbilled_to_billed;
