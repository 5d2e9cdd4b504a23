//! The state folder over many nights: whose it is, what a damaged journal leaves, and what `prune`
//! removes. Damage at every byte is tested beside the journal itself.

use std::fs;
use std::path::Path;

use tieout::sources::failure::FetchError;
use tieout::sources::identity::account::{Account, RetryPolicy};
use tieout::sources::identity::cloud::{Addresses, CLOUDS};
use tieout::sources::landing::{Landing, StateOwner};

use crate::program::{files_below, stderr};
use crate::served::{House, TODAY, serve, settings};

/// A state folder of a sandbox's tenant.
pub(crate) fn open_state(folder: &Path) -> Result<Landing, FetchError> {
    let account = Account {
        tenant: "contoso".to_owned(),
        addresses: Addresses::of(&CLOUDS[0], Some("http://127.0.0.1:1")).unwrap(),
        app: None,
        user: None,
        patience: RetryPolicy::default(),
        requests_per_second: std::num::NonZeroU32::MIN,
        workers: 1,
        read_timeout_ms: 1,
        request_timeout_ms: 1,
    };
    Landing::open(folder, &StateOwner::of(&account)).map(|(landing, _)| landing)
}

/// A command on a day.
fn on(house: &House, day: &str, command: &str, more: &[&str]) -> std::process::Output {
    let mut command = house.command(command, more);
    command.env("TIEOUT_TODAY", day).output().unwrap()
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// Names of the files in the landing.
fn landed(house: &House) -> Vec<std::path::PathBuf> {
    let mut files = files_below(&house.path("state/landing"));
    files.sort();
    files
}
