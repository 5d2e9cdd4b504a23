//! Module doc
