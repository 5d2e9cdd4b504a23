//! The `tieout` program. Everything it does is in the library, where it can be tested: see
//! `tieout::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tieout::cli::main()
}
