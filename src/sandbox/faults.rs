//! Faults and their schedule: which response goes wrong, and how, is drawn from a seed for each
//! request, so that a schedule can be repeated. The faults are those that the network, Partner
//! Center, Graph and blob storage are known or likely to have; each is one row of the table below.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Kind of a request; each fault fits some kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Token,
    Page,
    /// A page after the first.
    Next,
    Export,
    Operation,
    Manifest,
    Blob,
}

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $fault:ident = $name:literal, $classes:expr, $terminal:literal;)*) => {
        /// One way in which a response goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])* $fault,)* }

        impl Fault {
            /// All faults, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$fault,)*];

            /// Name of the fault for `--faults`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$fault => $name,)* }
            }

            /// True if no fetch can be expected to get over it.
            #[must_use]
            pub const fn is_terminal(self) -> bool {
                match self { $(Self::$fault => $terminal,)* }
            }

            /// Kinds of request that the fault fits.
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
    /// 429 without any advice.
    ThrottleBare = "throttle_bare", ANY, false;
    /// 429 that asks for a year.
    ThrottleHuge = "throttle_huge", API, false;
    /// 429 that asks for a negative pause.
    ThrottleNegative = "throttle_negative", API, false;
    /// 429 with a past date.
    ThrottlePast = "throttle_past", API, false;
    /// 500, once for each draw.
    InternalError = "internal_error", ANY, false;
    /// 503, once for each draw.
    Unavailable = "unavailable", ANY, false;
    /// 503 for ever, for one path.
    UnavailableAlways = "unavailable_always", API, true;
    /// 400, which no retry cures.
    BadRequest = "bad_request", API, true;
    /// 400 that repeats the request, secrets included.
    Echo = "echo", &[Token, Page, Next, Export], true;
    /// 403, which no retry cures.
    Forbidden = "forbidden", API, true;
    /// 404, which no retry cures.
    NotFound = "not_found", &[Page, Next], true;
    /// 409, which no retry cures.
    Conflict = "conflict", API, true;
    /// 401 for a token that was good before.
    Unauthorized = "unauthorized", API, false;
    /// A token that is good for one second only.
    ShortToken = "short_token", &[Token], false;
    /// The connection is closed without a byte.
    Refused = "refused", ANY, false;
    /// Bytes that are not HTTP.
    Garbage = "garbage", ANY, false;
    /// Silence instead of a response.
    StalledHead = "stalled_head", GET, false;
    /// The connection is reset in the body.
    ResetInBody = "reset_in_body", GET, false;
    /// A body shorter than its declared length.
    ShortLength = "short_length", GET, false;
    /// A chunk ends early.
    CutChunk = "cut_chunk", GET, false;
    /// A body that stops halfway, without an end.
    StalledBody = "stalled_body", GET, false;
    /// A body of a few bytes at a time.
    SlowDrip = "slow_drip", GET, false;
    /// JSON that ends too early, with the right length for it.
    CutJson = "cut_json", &[Page, Next, Operation, Manifest], false;
    /// An HTML page with status 200.
    Html = "html", &[Page, Next, Operation, Manifest], false;
    /// Two BOMs before the body.
    TwoBoms = "two_boms", &[Page, Next, Operation, Manifest], false;
    /// 204 with `Retry-After`: not ready yet.
    NotYet = "not_yet", &[Page, Next], false;
    /// The previous page once more.
    PageRepeated = "page_repeated", &[Next], false;
    /// A page without items, but with a next link.
    PageEmpty = "page_empty", &[Next], false;
    /// A next link to the same page.
    PageCycle = "page_cycle", &[Next], false;
    /// A continuation token that has expired.
    TokenExpired = "token_expired", &[Next], false;
    /// A next link to another host.
    ForeignNext = "foreign_next", &[Page, Next], true;
    /// A `Location` on another host.
    ForeignLocation = "foreign_location", &[Export], true;
    /// A redirect to another host.
    Redirect = "redirect", API, true;
    /// An operation that failed, with status 200.
    OperationFailed = "operation_failed", &[Operation], true;
    /// 404 for an operation that was just accepted.
    OperationUnknown = "operation_unknown", &[Operation], false;
    /// An operation with an unknown status.
    OperationStatus = "operation_status", &[Operation], false;
    /// An operation that never ends.
    OperationEndless = "operation_endless", &[Operation], true;
    /// A manifest whose blobs are on another host.
    ForeignBlobs = "foreign_blobs", &[Manifest], true;
    /// A manifest without blobs.
    ManifestEmpty = "manifest_empty", &[Manifest], false;
    /// A manifest with a wrong count of blobs.
    ManifestCount = "manifest_count", &[Manifest], false;
    /// A manifest that names a blob twice.
    ManifestTwice = "manifest_twice", &[Manifest], false;
    /// A manifest with a blob above its root.
    ManifestAbove = "manifest_above", &[Manifest], true;
    /// A manifest in an unknown format.
    ManifestFormat = "manifest_format", &[Manifest], true;
    /// 403: the signature has expired.
    SasExpired = "sas_expired", &[Blob], false;
    /// Data that have changed since the manifest.
    EtagChanged = "etag_changed", &[Blob], false;
    /// A gzip stream that ends too early.
    GzipCut = "gzip_cut", &[Blob], false;
    /// A gzip stream with a flipped bit.
    GzipFlipped = "gzip_flipped", &[Blob], false;
    /// Bytes behind the last gzip member.
    GzipGarbage = "gzip_garbage", &[Blob], false;
    /// A gzip member that expands a thousandfold.
    GzipBomb = "gzip_bomb", &[Blob], false;
}

impl Fault {
    /// The fault with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// True if the fault stays with the path for which it was drawn.
    fn stays(self) -> bool {
        matches!(self, Self::UnavailableAlways | Self::OperationEndless)
    }
}

/// A schedule of faults, and the record of those that were served.
#[derive(Debug, Default)]
pub struct Faults {
    /// Faults that may be drawn; none for a server that works.
    pub kinds: Vec<Fault>,
    /// Seed of the schedule.
    pub seed: u64,
    /// Faults in a thousand requests.
    pub per_mille: u64,
    served: Mutex<BTreeMap<Fault, u64>>,
    asked: Mutex<BTreeMap<String, Asked>>,
}

/// History of one path.
#[derive(Debug, Default)]
struct Asked {
    /// Number of requests for the path so far.
    count: u64,
    /// Fault that stays with the path.
    staying: Option<Fault>,
}

/// Requests of one path that may go wrong: 3. Later ones are served well, so that a fetch can get
/// over any schedule of passing faults.
const FAULTY_REQUESTS: u64 = 3;

impl Faults {
    /// A schedule that has served nothing yet.
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
        let Asked { count, staying } = asked.entry(path.to_owned()).or_default();
        *count += 1;
        // A fault that stays is served for ever; others only to the first requests of a path.
        if staying.is_none() && *count <= FAULTY_REQUESTS {
            let fault = self.pick(class, path, *count)?;
            *staying = Some(fault).filter(|fault| fault.stays());
            return Some(fault);
        }
        *staying
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

    /// Draws a fault from the seed, the path and the number of the request alone.
    fn pick(&self, class: Class, path: &str, count: u64) -> Option<Fault> {
        // Not from a generator with a state: requests arrive in any order.
        let hash = blake3::hash(format!("{}\0{path}\0{count}", self.seed).as_bytes());
        let word = |at: usize| {
            hash.as_bytes()[at * 8..][..8]
                .iter()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        // Three independent draws: whether, which, and from which pool.
        let (chance, choice, breadth) = (word(0) % 1_000, word(1), word(2));
        let fits: Vec<Fault> = self
            .kinds
            .iter()
            .copied()
            .filter(|fault| fault.classes().contains(&class))
            .collect();
        if chance >= self.per_mille || fits.is_empty() {
            return None;
        }
        // A fault that fits nothing else is preferred: there are few requests for it.
        let rare: Vec<Fault> = fits
            .iter()
            .copied()
            .filter(|fault| fault.classes().len() == 1)
            .collect();
        let pool = if rare.is_empty() || breadth % 3 == 0 {
            fits
        } else {
            rare
        };
        let index = usize::try_from(choice % pool.len() as u64).expect("below the pool's length");
        Some(pool[index])
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

/// The fault that was drawn for one request, and whether the response shows it.
pub(super) struct Drawn {
    fault: Option<Fault>,
    is_served: bool,
}

impl Drawn {
    /// A draw that the response does not show yet.
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            is_served: false,
        }
    }

    /// True if `fault` was drawn; the response then shows it.
    pub(super) fn serves(&mut self, fault: Fault) -> bool {
        let is_drawn = self.fault == Some(fault);
        self.is_served |= is_drawn;
        is_drawn
    }

    /// The fault that was drawn, whether the response shows it or not.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Notes that the response shows the fault.
    pub(super) fn serve(&mut self) {
        self.is_served = true;
    }

    /// The fault, if the response shows it.
    pub(super) fn served(&self) -> Option<Fault> {
        self.fault.filter(|_| self.is_served)
    }
}
