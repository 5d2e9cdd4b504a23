//! What goes wrong, and when: drawn from a seed for each request, so that a schedule can be played
//! again. The network's faults of `design/reliability.md`, by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What kind of answer a request asks for; a fault fits some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Token,
    Page,
    /// A page that follows on another.
    Next,
    Export,
    Operation,
    Manifest,
    Blob,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $fault:ident = $name:literal, $classes:expr, $terminal:literal;)*) => {
        /// One way in which an answer goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])* $fault,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$fault,)*];

            /// Name of it, for `--faults`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$fault => $name,)* }
            }

            /// Whether a fetch cannot be expected to get over it.
            #[must_use]
            pub const fn is_terminal(self) -> bool {
                match self { $(Self::$fault => $terminal,)* }
            }

            const fn classes(self) -> &'static [Class] {
                match self { $(Self::$fault => $classes,)* }
            }
        }
    };
}

use Class::{Blob, Export, Manifest, Next, Operation, Page, Token};
const API: &[Class] = &[Page, Next, Export, Operation, Manifest];
const ANY: &[Class] = &[Token, Page, Next, Export, Operation, Manifest, Blob];
const GET: &[Class] = &[Page, Next, Operation, Manifest, Blob];

faults! {
    /// 429 with whole seconds.
    ThrottleSeconds = "throttle_seconds", API, false;
    /// 429 with a fraction of a second.
    ThrottleFraction = "throttle_fraction", API, false;
    /// 429 with a date.
    ThrottleDate = "throttle_date", API, false;
    /// 429 that says nothing.
    ThrottleBare = "throttle_bare", ANY, false;
    /// 429 that asks for a year.
    ThrottleHuge = "throttle_huge", API, false;
    /// 429 that asks for less than nothing.
    ThrottleNegative = "throttle_negative", API, false;
    /// 429 with a date that is past.
    ThrottlePast = "throttle_past", API, false;
    /// 500.
    InternalError = "internal_error", ANY, false;
    /// 503 once.
    Unavailable = "unavailable", ANY, false;
    /// 503 for ever, for this path.
    UnavailableAlways = "unavailable_always", API, true;
    /// 400.
    BadRequest = "bad_request", API, true;
    /// 400, with all that was asked, secrets included, in the answer.
    Echo = "echo", &[Token, Page, Next, Export], true;
    /// 403.
    Forbidden = "forbidden", API, true;
    /// 404.
    NotFound = "not_found", &[Page, Next], true;
    /// 409.
    Conflict = "conflict", API, true;
    /// 401 in the middle.
    Unauthorized = "unauthorized", API, false;
    /// A token that is good for a second.
    ShortToken = "short_token", &[Token], false;
    /// The connection is closed without a byte.
    Refused = "refused", ANY, false;
    /// Bytes that are no HTTP.
    Garbage = "garbage", ANY, false;
    /// No byte comes.
    StalledHead = "stalled_head", GET, false;
    /// The connection is reset in the body.
    ResetInBody = "reset_in_body", GET, false;
    /// Less comes than was promised.
    ShortLength = "short_length", GET, false;
    /// A chunk ends early.
    CutChunk = "cut_chunk", GET, false;
    /// The body stops.
    StalledBody = "stalled_body", GET, false;
    /// A few bytes at a time.
    SlowDrip = "slow_drip", GET, false;
    /// JSON that ends early, whole by its length.
    CutJson = "cut_json", &[Page, Next, Operation, Manifest], false;
    /// An HTML page with status 200.
    Html = "html", &[Page, Next, Operation, Manifest], false;
    /// Two BOMs before the body.
    TwoBoms = "two_boms", &[Page, Next, Operation, Manifest], false;
    /// 204 with Retry-After.
    NotYet = "not_yet", &[Page, Next], false;
    /// The page before, again.
    PageRepeated = "page_repeated", &[Next], false;
    /// A page without items, but with a next one.
    PageEmpty = "page_empty", &[Next], false;
    /// A next link to the same page.
    PageCycle = "page_cycle", &[Next], false;
    /// The continuation token is not known any more.
    TokenExpired = "token_expired", &[Next], false;
    /// A next link to another host.
    ForeignNext = "foreign_next", &[Page, Next], true;
    /// A Location on another host.
    ForeignLocation = "foreign_location", &[Export], true;
    /// A redirect to another host.
    Redirect = "redirect", API, true;
    /// An operation that failed, with status 200.
    OperationFailed = "operation_failed", &[Operation], true;
    /// 404 for an operation that was just accepted.
    OperationUnknown = "operation_unknown", &[Operation], false;
    /// A status that nobody knows.
    OperationStatus = "operation_status", &[Operation], false;
    /// An operation that never ends.
    OperationEndless = "operation_endless", &[Operation], true;
    /// Blobs on another host.
    ForeignBlobs = "foreign_blobs", &[Manifest], true;
    /// A manifest without blobs.
    ManifestEmpty = "manifest_empty", &[Manifest], false;
    /// A manifest with a wrong count.
    ManifestCount = "manifest_count", &[Manifest], false;
    /// A manifest that names a blob twice.
    ManifestTwice = "manifest_twice", &[Manifest], false;
    /// A manifest whose blob lies above its root.
    ManifestAbove = "manifest_above", &[Manifest], true;
    /// A manifest in a format that nobody knows.
    ManifestFormat = "manifest_format", &[Manifest], true;
    /// 403: the signature has expired.
    SasExpired = "sas_expired", &[Blob], false;
    /// The data are another version by now.
    EtagChanged = "etag_changed", &[Blob], false;
    /// A gzip stream that ends early.
    GzipCut = "gzip_cut", &[Blob], false;
    /// A gzip stream with a flipped bit.
    GzipFlipped = "gzip_flipped", &[Blob], false;
    /// Bytes after the last member.
    GzipGarbage = "gzip_garbage", &[Blob], false;
    /// A gzip member that expands a thousandfold.
    GzipBomb = "gzip_bomb", &[Blob], false;
}

impl Fault {
    /// The fault of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

/// A schedule of faults.
#[derive(Debug, Default)]
pub struct Faults {
    /// Which ones; none for a server that works.
    pub kinds: Vec<Fault>,
    /// Any number; another one is another schedule.
    pub seed: u64,
    /// Faults in a thousand requests.
    pub per_mille: u64,
    served: Mutex<BTreeMap<Fault, u64>>,
    /// How often each path was asked for, and the fault that stays with it.
    asked: Mutex<BTreeMap<String, (u64, Option<Fault>)>>,
}

/// A path is served well after so many requests: a schedule is to be survived.
const FAULTY_REQUESTS: u64 = 3;

impl Faults {
    /// A schedule.
    #[must_use]
    pub fn new(kinds: Vec<Fault>, seed: u64, per_mille: u64) -> Self {
        Self {
            kinds,
            seed,
            per_mille,
            ..Self::default()
        }
    }

    /// The fault for the next request of that path, if any.
    pub(super) fn draw(&self, class: Class, path: &str) -> Option<Fault> {
        if self.kinds.is_empty() {
            return None;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, staying) = asked.entry(path.to_owned()).or_default();
        *count += 1;
        let fault = staying.or_else(|| {
            if *count <= FAULTY_REQUESTS {
                self.pick(class, path, *count)
            } else {
                None
            }
        })?;
        if matches!(fault, Fault::UnavailableAlways | Fault::OperationEndless) {
            *staying = Some(fault);
        }
        Some(fault)
    }

    /// Notes that a fault was served.
    pub(super) fn note(&self, fault: Fault) {
        *self
            .served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(fault)
            .or_default() += 1;
    }

    fn pick(&self, class: Class, path: &str, count: u64) -> Option<Fault> {
        let hash = blake3::hash(format!("{}\0{path}\0{count}", self.seed).as_bytes());
        let mut words = hash.as_bytes().chunks_exact(8).map(|word| {
            word.iter()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        });
        let fits: Vec<Fault> = self
            .kinds
            .iter()
            .copied()
            .filter(|fault| fault.classes().contains(&class))
            .collect();
        let (chance, choice) = (words.next()? % 1_000, words.next()?);
        if chance >= self.per_mille || fits.is_empty() {
            return None;
        }
        // What fits nothing else has the better chance: there are few requests for it.
        let rare: Vec<Fault> = fits
            .iter()
            .copied()
            .filter(|fault| fault.classes().len() == 1)
            .collect();
        let pool = if rare.is_empty() || words.next()? % 3 == 0 {
            fits
        } else {
            rare
        };
        pool.get(usize::try_from(choice % pool.len() as u64).ok()?)
            .copied()
    }

    /// How often each fault was served, as JSON.
    pub(super) fn report(&self) -> String {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<String> = served
            .iter()
            .map(|(fault, count)| format!("\"{}\":{count}", fault.name()))
            .collect();
        format!("{{{}}}", rows.join(","))
    }
}
