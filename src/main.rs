//! The `tieout` program; see `tieout::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tieout::cli::main()
}
