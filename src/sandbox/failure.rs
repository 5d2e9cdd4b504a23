//! Reasons why the sandbox does not serve.

use std::path::PathBuf;

/// Reason why the sandbox does not serve.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The folder does not contain what is to be served.
    #[error("`{}`: found {found}, wanted a folder written by `tieout synth --formats v1,v2`", .path.display())]
    NoData {
        /// The folder, or the file in it.
        path: PathBuf,
        /// Its content, in words.
        found: String,
    },
    /// A file cannot be read.
    #[error("Cannot read `{}`", .path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("Cannot write `{}`", .path.display())]
    Unwritable {
        /// Path of the file.
        path: PathBuf,
        /// Error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The port is taken, or no runtime could be started.
    #[error("Cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// Number of the port.
        port: u16,
        /// Error of the system.
        #[source]
        source: std::io::Error,
    },
}
