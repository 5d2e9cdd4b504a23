//! Fetch of one export. The operation is in the journal before it is polled, so that a fetch that
//! was killed goes on with it instead of ordering another export; blobs that were stored are not
//! downloaded again, as long as the version of the data stays the same.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::Url;
use serde_json::Value;
use tokio::task::JoinSet;

use super::blob::{Download, Downloaded};
use super::manifest::{Manifest, ManifestRead};
use super::operation::{Ended, Operations, Report, Scope, unknown_report};
use crate::progress::reporting::Event;
use crate::sources::failure::FetchError;
use crate::sources::landing::journal::Entry;
use crate::sources::session::Session;
use crate::sources::wire::message::Purpose;

/// Blobs of one export that are downloaded at the same time.
const BLOBS_AT_ONCE: usize = 4;

/// A unit that is an export.
pub(crate) struct Export<'f> {
    pub(crate) session: &'f Arc<Session>,
    /// Name of the dataset.
    pub(crate) dataset: &'static str,
    pub(crate) report: Report,
    pub(crate) scope: &'f Scope,
    /// Id of the unit.
    pub(crate) id: &'f str,
    pub(crate) purpose: Purpose,
    /// True if the service's word alone does not prove that there are no data: it is then believed when it
    /// said so as often as a failure is tried again.
    pub(crate) doubts_emptiness: bool,
}

/// Outcome of an export that did not fail.
pub(crate) enum ExportOutcome {
    /// The stored version is the newest.
    Complete,
    /// The service says that it has no data, in these words, or sends none: that alone proves
    /// nothing, and the caller knows more.
    NoData(String),
    /// The service does not know such a report, in these words.
    Unknown(String),
}

/// End of one try at the unit.
enum ExportEnd {
    Complete,
    /// The service says that it has no data, in these words.
    NoData(String),
    /// The manifest names no data, which a manifest may do that is not settled yet.
    Empty(String),
    /// The manifest has to be asked for again, for this reason; the operation holds.
    Again(String),
    /// Another export has to be ordered, for this reason.
    Anew(String),
}

impl Export<'_> {
    /// Fetches the unit, or finds that the stored version is the newest.
    pub(crate) async fn fetch(&self) -> Result<ExportOutcome, FetchError> {
        let http = &self.session.http;
        // Failures of one kind or the other count alike: an export that never settles must end. So do
        // denials, but apart: faults of other kinds make none of them more credible.
        let tries = http.retry_policy.restarts + 1;
        let mut reason = String::new();
        let mut pauses = http.retry_policy.pauses();
        let mut pause = pauses.next().unwrap_or_default();
        // An operation of an earlier fetch is told by its age, not by its failure: it may have been
        // forgotten overnight.
        let mut known = self.journalled().map(|url| (url, true));
        let (mut failures, mut denials) = (0, 0);
        while failures < tries {
            let (operation, is_older) = match known.take() {
                Some(known) => known,
                None => match self.order().await {
                    Ok(ordered) => (ordered, false),
                    Err(error) => {
                        let unknown = unknown_report(&error).filter(|_| self.report.is_new);
                        let unknown = unknown.map(|found| ExportOutcome::Unknown(found.to_owned()));
                        return unknown.ok_or(error);
                    }
                },
            };
            let end = self.run(&operation, is_older).await?;
            // A manifest that named data is proof against every denial.
            let is_denial =
                matches!(end, ExportEnd::NoData(_) | ExportEnd::Empty(_)) && !self.has_data();
            // It costs no patience that yesterday's operation is gone.
            let is_forgotten = is_older && matches!(end, ExportEnd::Anew(_));
            if is_denial {
                denials += 1;
            } else if !is_forgotten {
                failures += 1;
            }
            let believed = self.denials_believed(&end, tries);
            match end {
                ExportEnd::Complete => return Ok(ExportOutcome::Complete),
                ExportEnd::NoData(found) | ExportEnd::Empty(found)
                    if is_denial && denials >= believed =>
                {
                    return Ok(ExportOutcome::NoData(found));
                }
                ExportEnd::NoData(found) => reason = found,
                ExportEnd::Empty(why) | ExportEnd::Again(why) => {
                    reason = why;
                    known = Some((operation, is_older));
                }
                ExportEnd::Anew(why) => {
                    reason = why;
                    if is_forgotten {
                        self.note(&reason);
                        continue;
                    }
                }
            }
            self.note(&reason);
            http.count_retry(self.purpose, self.id, &reason)?;
            http.pause(self.purpose, self.id, pause, &reason).await?;
            // After the longest pause, go on with it.
            pause = pauses.next().unwrap_or(pause);
        }
        Err(self.operations().incomplete(
            format!("{reason}, {tries} times"),
            "an export that stays valid until it is downloaded",
        ))
    }

    /// Number of denials like this one that prove that there are no data.
    fn denials_believed(&self, denial: &ExportEnd, tries: u32) -> u32 {
        match denial {
            _ if self.doubts_emptiness => tries,
            ExportEnd::Empty(_) => 2,
            _ => 1,
        }
    }

    /// True if a manifest of the version that is being fetched named data.
    fn has_data(&self) -> bool {
        let open = self.session.landing.unit(self.id).open;
        open.is_some_and(|open| open.etag.is_some())
    }

    fn note(&self, reason: &str) {
        let line = format!("`{}`: {reason}; trying again", self.id);
        self.session.http.progress.tell(Event::Note(line));
    }

    async fn run(&self, operation: &Url, is_older: bool) -> Result<ExportEnd, FetchError> {
        match self.operations().poll(operation, is_older).await? {
            Ended::Manifest(manifest) => self.follow(&manifest, is_older).await,
            Ended::Over(why) => Ok(ExportEnd::Anew(why)),
            Ended::NoData(found) => Ok(ExportEnd::NoData(found)),
        }
    }

    /// The operation of an interrupted fetch. One on another host, as after a rehearsal with the
    /// sandbox, is left alone.
    fn journalled(&self) -> Option<Url> {
        let url = self.session.landing.unit(self.id).open?.operation?;
        self.operations().own(&url, "A journalled operation").ok()
    }

    async fn order(&self) -> Result<Url, FetchError> {
        let url = self.operations().order(self.report, self.scope).await?;
        self.enter(Entry::Operation {
            url: url.to_string(),
        })?;
        Ok(url)
    }

    /// Downloads what a manifest lists, unless that version is stored already.
    async fn follow(&self, manifest: &Value, is_older: bool) -> Result<ExportEnd, FetchError> {
        let manifest = match Manifest::read(manifest, self.session.addresses(), self.id)? {
            ManifestRead::Usable(manifest) => manifest,
            ManifestRead::Unsettled(why) => return Ok(ExportEnd::Again(why)),
        };
        if manifest.blobs.is_empty() {
            let found = "an export that succeeded without any blob";
            return Ok(ExportEnd::Empty(found.to_owned()));
        }
        let unit = self.session.landing.unit(self.id);
        let etag = Some(&manifest.etag);
        // The eTag changes with the data: an equal one makes the download needless.
        let newest = unit.versions.last();
        if newest.is_some_and(|version| version.etag.as_ref() == etag) {
            self.enter(Entry::Checked {
                day: self.session.today.clone(),
            })?;
            return Ok(ExportEnd::Complete);
        }
        // Parts of an interrupted fetch are kept if they are of this version, else forgotten.
        if unit.open.as_ref().and_then(|open| open.etag.as_ref()) != etag {
            self.enter(Entry::Manifest {
                etag: manifest.etag.clone(),
            })?;
        }
        if newest.is_some() {
            let line = format!(
                "`{}`: restated: version `{}` replaces the one before; both are kept",
                self.id, manifest.etag
            );
            self.session.http.progress.tell(Event::Note(line));
        }
        if let Some(why) = self.download(&manifest).await? {
            // An operation of an earlier fetch gives out a signature of its day: only another export
            // has one that holds. What was downloaded stays.
            return Ok(if is_older {
                ExportEnd::Anew(why)
            } else {
                ExportEnd::Again(why)
            });
        }
        self.prove(&manifest)?;
        self.enter(Entry::Complete {
            etag: Some(manifest.etag),
            day: self.session.today.clone(),
        })?;
        Ok(ExportEnd::Complete)
    }

    /// Downloads the blobs that are not stored yet, some at the same time; the reason, in words, to
    /// ask for the manifest again.
    async fn download(&self, manifest: &Manifest) -> Result<Option<String>, FetchError> {
        let stored = self.stored();
        let mut missing = manifest
            .blobs
            .iter()
            .filter(|blob| !stored.contains(&blob.name));
        let mut running: JoinSet<Result<Downloaded, FetchError>> = JoinSet::new();
        let mut again = None;
        loop {
            // No further blob once the manifest is stale: its signature would be refused.
            while running.len() < BLOBS_AT_ONCE && again.is_none() {
                let Some(blob) = missing.next() else { break };
                let download = Download {
                    session: Arc::clone(self.session),
                    id: self.id.to_owned(),
                    purpose: self.purpose,
                    url: manifest.address(blob)?,
                    blob: blob.clone(),
                };
                running.spawn(async move { download.fetch().await });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(again);
            };
            let fetched = ended.map_err(|source| FetchError::Start {
                what: "a download",
                source: source.into(),
            })??;
            match fetched {
                // Entered one by one: an interruption loses only the blobs that are on their way.
                Downloaded::Stored(part) => {
                    let event = Event::Landed {
                        dataset: self.dataset,
                        rows: part.rows,
                        bytes: part.bytes,
                    };
                    self.enter(Entry::Part(part))?;
                    self.session.http.progress.tell(event);
                }
                // Downloads that are running may still end well.
                Downloaded::Stale(why) => again = Some(why),
            }
        }
    }

    /// Checks that all blobs of the manifest are stored, and no others.
    fn prove(&self, manifest: &Manifest) -> Result<(), FetchError> {
        let stored = self.stored();
        let wanted: HashSet<String> = manifest
            .blobs
            .iter()
            .map(|blob| blob.name.clone())
            .collect();
        if stored == wanted {
            return Ok(());
        }
        Err(self.operations().incomplete(
            format!("{} blobs", stored.len()),
            &format!("{} blobs", wanted.len()),
        ))
    }

    /// Names of the blobs that are stored of the version being fetched.
    fn stored(&self) -> HashSet<String> {
        let unit = self.session.landing.unit(self.id);
        unit.open_parts()
            .iter()
            .map(|part| part.name.clone())
            .collect()
    }

    fn enter(&self, entry: Entry) -> Result<(), FetchError> {
        self.session.landing.enter(self.id, entry)
    }

    fn operations(&self) -> Operations<'_> {
        Operations {
            session: self.session,
            id: self.id,
            purpose: self.purpose,
        }
    }
}
