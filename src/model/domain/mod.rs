//! The domain: Microsoft CSP billing, as far as its documents and real files tell.
//!
//! Facts researched with sources and last revised in November 2026, in five pages. Each fact
//! carries the tag of its source; points that no source confirms are marked **unverified**, and
//! conclusions of our own **Derived**. Rules in the code cite a page and its section, as in
//! [semantics §3](semantics).
//!
//! There is no code here. When a page is corrected, the code that cites the section is what to
//! check.

pub mod endpoints {
    #![doc = include_str!("endpoints.md")]
}

pub mod resources {
    #![doc = include_str!("resources.md")]
}

pub mod semantics {
    #![doc = include_str!("semantics.md")]
}

pub mod quirks {
    #![doc = include_str!("quirks.md")]
}

pub mod distributors {
    #![doc = include_str!("distributors.md")]
}
