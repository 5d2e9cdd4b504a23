//! Pages of a Partner Center v1 endpoint, followed to the last one and stored as received. Published
//! links are malformed, so that the next address is built here from the token of a response; only a
//! link that brings no token is followed itself ([endpoints §6](crate::model::domain::endpoints)).
//!
//! A list may change, repeat itself or end early while it is read. Whatever looks like that starts
//! the unit over; it is never patched together. A list ends where a page says so, or brings nothing
//! that was not there before.

use reqwest::{Method, Url};

use super::context::Context;
use super::endpoints::{Endpoint, Paging};
use super::sheets;
use super::walk::{Next, Repeats, Walk};
use crate::model::page::{PageFacts, page_facts, same_items};
use crate::progress::reporting::Event;
use crate::sources::auth::TokenKind;
use crate::sources::failure::FetchError;
use crate::sources::landing::journal::{Entry, Part};
use crate::sources::session::Session;
use crate::sources::wire::message::{ApiRequest, ApiResponse, Purpose};
use crate::sources::wire::rate_limit::Service;

/// Code of the refusal of a customer who has no usage.
const NO_USAGE: &str = "3000";
/// Code of the refusal of a customer who has left the partner.
const NO_RELATION: &str = "20002";
/// Pages of one list: 100,000; a longer one is taken for an endless one.
const PAGE_LIMIT: u32 = 100_000;

/// A unit of pages.
pub(super) struct Pages<'f> {
    pub(super) session: &'f Session,
    pub(super) endpoint: &'f Endpoint,
    pub(super) context: &'f Context,
    /// Id of the unit.
    pub(super) id: &'f str,
    pub(super) purpose: Purpose,
    /// True if a list without items proves nothing by itself: the caller knows more.
    pub(super) doubts_emptiness: bool,
}

/// What a service said that it has nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NothingThere {
    /// Nothing of what was asked for.
    Data(String),
    /// No relation to the customer any more: nothing else of it is to be had either.
    Relation(String),
    /// No such report or sheet at all.
    Report(String),
}

/// End of one try at the unit.
enum PagesEnd {
    Complete,
    /// The service says that there is nothing.
    Nothing(NothingThere),
    /// The unit has to be started over, for this reason.
    Restart(String),
}

/// Answer to the request for the next page.
enum NextPage {
    /// The page that was asked for.
    Page(ApiResponse),
    /// The list has no such page, and the try ends like this.
    Ended(PagesEnd),
}

impl Pages<'_> {
    /// Fetches the unit, beginning with what an interrupted fetch has stored of it. The words of the
    /// service, if it says that there is nothing: the unit is then not completed here.
    pub(super) async fn fetch(&self) -> Result<Option<NothingThere>, FetchError> {
        if self.endpoint.is_sheet() && self.session.addresses().sheets.is_none() {
            let found = "this cloud has no host of exchange rates and price sheets".to_owned();
            return Ok(Some(NothingThere::Report(found)));
        }
        let http = &self.session.http;
        let restarts = http.retry_policy.restarts;
        let mut reason = String::new();
        for attempt in 0..=restarts {
            match self.run(attempt).await? {
                PagesEnd::Complete if self.doubts_emptiness && self.is_empty() => {
                    let found = "a list without items".to_owned();
                    return Ok(Some(NothingThere::Data(found)));
                }
                PagesEnd::Complete => {
                    let day = self.session.today.clone();
                    self.enter(Entry::Complete { etag: None, day })?;
                    return Ok(None);
                }
                PagesEnd::Nothing(nothing) => return Ok(Some(nothing)),
                PagesEnd::Restart(why) => {
                    let line = format!("`{}`: {why}; the unit is started over", self.id);
                    http.progress.tell(Event::Note(line));
                    http.count_retry(self.purpose, self.id, &why)?;
                    reason = why.clone();
                    self.enter(Entry::Restarted { reason: why })?;
                }
            }
        }
        Err(self.incomplete(
            format!("{reason}, {} times", restarts + 1),
            "a chain of pages that ends",
        ))
    }

    fn is_empty(&self) -> bool {
        let unit = self.session.landing.unit(self.id);
        unit.open_parts().iter().all(|part| part.rows == 0)
    }

    fn incomplete(&self, found: String, wanted: &str) -> FetchError {
        FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: wanted.to_owned(),
        }
    }

    fn enter(&self, entry: Entry) -> Result<(), FetchError> {
        self.session.landing.enter(self.id, entry)
    }

    async fn run(&self, attempt: u32) -> Result<PagesEnd, FetchError> {
        let mut walk = self.walk_on()?;
        // The last page was stored, but the fetch ended before it could say so.
        if walk.number > 0 && walk.next.is_none() {
            return Ok(PagesEnd::Complete);
        }
        if !self.is_unchanged().await? {
            return Ok(PagesEnd::Restart("the first page has changed".to_owned()));
        }
        loop {
            walk.number += 1;
            if walk.number > PAGE_LIMIT {
                let why = format!("more than {PAGE_LIMIT} pages");
                return Ok(PagesEnd::Restart(why));
            }
            let reply = match self.next_page(&walk).await? {
                NextPage::Page(reply) => reply,
                NextPage::Ended(end) => return Ok(end),
            };
            if let Some(end) = self.take(&mut walk, &reply, attempt)? {
                return Ok(end);
            }
        }
    }

    /// The pages that are stored already, in their order.
    fn stored(&self) -> Vec<Part> {
        let mut parts = self.session.landing.unit(self.id).open_parts().to_vec();
        // Names have leading zeros: their order is that of the pages.
        parts.sort_by(|left, right| left.name.cmp(&right.name));
        parts
    }

    /// The position behind the pages that are stored already.
    fn walk_on(&self) -> Result<Walk, FetchError> {
        let mut walk = Walk::default();
        if self.is_file() {
            return Ok(walk);
        }
        for part in self.stored() {
            let body = self.session.landing.bytes_of(&part)?;
            walk.number += 1;
            walk.see(&body);
            walk.next = Next::stored(self.endpoint.paging, &part);
        }
        Ok(walk)
    }

    /// True if what was stored before an interruption may be continued: pages of two versions of
    /// the data do not belong together. A snapshot of today is not checked: it changes all the
    /// time.
    async fn is_unchanged(&self) -> Result<bool, FetchError> {
        let parts = self.stored();
        let Some(first) = parts.first().filter(|_| !self.endpoint.snapshot) else {
            return Ok(true);
        };
        let stored = self.session.landing.bytes_of(first)?;
        let reply = self.page(None, 1).await?;
        Ok(same_items(&stored, &reply.body))
    }

    /// Asks for the page that the walk has come to.
    async fn next_page(&self, walk: &Walk) -> Result<NextPage, FetchError> {
        let number = walk.number;
        let nothing = |found| Ok(NextPage::Ended(PagesEnd::Nothing(found)));
        match self.page(walk.next.as_ref(), number).await {
            Ok(reply) if reply.status == 204 && self.endpoint.proves_by_items => {
                let found = "204 in place of a list".to_owned();
                Err(self.incomplete(found, "a list, even an empty one"))
            }
            Ok(reply) if reply.status == 204 => Ok(NextPage::Ended(PagesEnd::Complete)),
            Ok(reply) => Ok(NextPage::Page(reply)),
            // A token that has expired.
            Err(FetchError::Refused {
                status: 400 | 410,
                found,
                ..
            }) if walk.follows() => {
                let why = format!("page {number} refused ({found})");
                Ok(NextPage::Ended(PagesEnd::Restart(why)))
            }
            Err(FetchError::Refused { code, found, .. })
                if code == NO_USAGE && self.endpoint.refuses_nothing && is_no_usage(&found) =>
            {
                nothing(NothingThere::Data(found))
            }
            Err(FetchError::Refused { code, found, .. }) if code == NO_RELATION => {
                nothing(NothingThere::Relation(found))
            }
            Err(error) => Err(error),
        }
    }

    /// Stores a page and moves the walk on; the end of the try, if the page is the last one or does
    /// not belong where it came.
    fn take(
        &self,
        walk: &mut Walk,
        reply: &ApiResponse,
        attempt: u32,
    ) -> Result<Option<PagesEnd>, FetchError> {
        let number = walk.number;
        let facts = self.facts(reply)?;
        // The order of these checks matters: a repeated page is told before an empty one.
        let repeats = match self.endpoint.paging {
            Paging::File | Paging::Sheet { .. } => Repeats::default(),
            _ => walk.see(&reply.body),
        };
        match self.endpoint.paging {
            // A server that ignores `offset` sends the whole list for ever.
            Paging::Offset if walk.follows() && (repeats.page || repeats.ids) => {
                return Ok(Some(PagesEnd::Complete));
            }
            Paging::Seek { .. } | Paging::None if walk.follows() && repeats.page => {
                let why = format!("page {number} repeats an earlier page");
                return Ok(Some(PagesEnd::Restart(why)));
            }
            _ => {}
        }
        let base = &self.session.addresses().partner_center;
        let next = Next::of(self.endpoint, &facts, walk.offset(), base)?;
        if facts.items == 0 && walk.follows() {
            match &next {
                None if self.endpoint.paging == Paging::Offset => {
                    return Ok(Some(PagesEnd::Complete));
                }
                // Seen again in the second try, it is what the server means.
                Some(_) if attempt == 0 => {
                    let why = format!("page {number} is empty, but has a next link");
                    return Ok(Some(PagesEnd::Restart(why)));
                }
                _ => {}
            }
        }
        if let Some(next) = &next
            && !walk.leads_on(next)
        {
            let why = format!("page {number} links back to an earlier page");
            return Ok(Some(PagesEnd::Restart(why)));
        }
        self.land(number, &reply.body, &facts, next.as_ref())?;
        walk.next = next;
        Ok(walk.next.is_none().then_some(PagesEnd::Complete))
    }

    fn is_file(&self) -> bool {
        self.endpoint.paging == Paging::File || self.endpoint.is_sheet()
    }

    fn facts(&self, reply: &ApiResponse) -> Result<PageFacts, FetchError> {
        if self.is_file() {
            let items = match self.endpoint.paging {
                Paging::Sheet { .. } => sheets::rows(&reply.body),
                _ => 0,
            };
            return Ok(PageFacts {
                items,
                ..PageFacts::default()
            });
        }
        page_facts(&reply.body).map_err(|found| self.incomplete(found, "a page"))
    }

    fn land(
        &self,
        number: u32,
        body: &[u8],
        facts: &PageFacts,
        next: Option<&Next>,
    ) -> Result<(), FetchError> {
        let ending = match self.endpoint.paging {
            Paging::File => "pdf",
            Paging::Sheet { .. } => sheets::ending(body),
            _ => "json",
        };
        let name = format!("page-{number:06}");
        let part = self
            .session
            .landing
            .land_page(self.id, &name, body, ending)?;
        let event = Event::Landed {
            dataset: self.endpoint.dataset,
            rows: facts.items,
            bytes: part.bytes,
        };
        // The bytes are on disk: only now the journal may name them.
        self.enter(Entry::Part(Part {
            rows: facts.items,
            next: next.and_then(Next::token),
            next_uri: next.and_then(Next::uri),
            ..part
        }))?;
        self.session.http.progress.tell(event);
        Ok(())
    }

    /// Asks for a page by its token, offset or address; without one, for the first.
    async fn page(&self, next: Option<&Next>, number: u32) -> Result<ApiResponse, FetchError> {
        let follows = number > 1;
        // The first page is asked for without a token, also after an interruption.
        let next = next.filter(|_| follows);
        let mut headers = Vec::new();
        if let Some(Next::Token(token)) = next {
            headers.push(("MS-ContinuationToken", token.clone()));
        }
        let what = if follows {
            format!("`{}` page {number}", self.id)
        } else {
            format!("`{}`", self.id)
        };
        let paging = self.endpoint.paging;
        let check = move |body: &[u8]| match paging {
            Paging::File => is_pdf(body),
            Paging::Sheet { columns } => sheets::check(body, columns),
            Paging::None | Paging::Seek { .. } | Paging::Offset => is_page(body),
        };
        let (service, kind) = if self.endpoint.is_sheet() {
            (Service::Sheets, TokenKind::Sheets)
        } else {
            let kind = self.session.tokens.kind_for(self.endpoint.user_only);
            (Service::PartnerCenter, kind)
        };
        let ask = ApiRequest {
            what: &what,
            method: Method::GET,
            url: self.address(next),
            headers,
            body: None,
            service,
            purpose: self.purpose,
            // After a page with a next link, 204 means "not ready yet", never "the end"
            // (`model::domain::quirks`, "JSON of the API", 6).
            waits_for_content: self.endpoint.waits_for_content || follows,
            check: &check,
        };
        self.session.ask(kind, &ask).await
    }

    /// The address of a page.
    fn address(&self, next: Option<&Next>) -> Url {
        if let Some(Next::Uri(url)) = next {
            return url.clone();
        }
        let Self {
            session,
            endpoint,
            context,
            ..
        } = self;
        let addresses = session.addresses();
        let (base, version) = match &addresses.sheets {
            Some(sheets) if endpoint.is_sheet() => (sheets, "v1.0"),
            _ => (&addresses.partner_center, "v1"),
        };
        let mut url = base.clone();
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .clear()
            .push(version)
            .extend(endpoint.path.split('/').map(|step| context.fill(step)));
        let mut pairs: Vec<(&str, String)> = endpoint
            .query
            .iter()
            .map(|(name, value)| (*name, context.fill(value)))
            // A placeholder without a value, such as `{currency}` of an invoice that states none.
            .filter(|(_, value)| !value.contains('{'))
            .collect();
        if endpoint.page_size > 0 {
            // Sent with every page, as the first one was: a page of another size is another list.
            pairs.push(("size", endpoint.page_size.to_string()));
        }
        match (endpoint.paging, next) {
            (Paging::Offset, Some(Next::Offset(offset))) => {
                pairs.push(("offset", offset.to_string()));
            }
            (Paging::Offset, _) => pairs.push(("offset", "0".to_owned())),
            (Paging::Seek { seek }, Some(_)) => pairs.push((seek, "Next".to_owned())),
            _ => {}
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }
}

/// True if the words of a refusal say that there is no usage. The same code refuses a request with
/// a wrong property, too.
fn is_no_usage(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("usage data") && !words.contains("invalid")
}

fn is_page(body: &[u8]) -> Result<(), String> {
    let facts = page_facts(body)?;
    if facts.is_null {
        return Err("a list whose `items` are null".to_owned());
    }
    Ok(())
}

/// Accepts a complete PDF: its end mark is within the last 1,024 bytes.
fn is_pdf(body: &[u8]) -> Result<(), String> {
    let tail = &body[body.len().saturating_sub(1_024)..];
    let is_whole = body.starts_with(b"%PDF") && memchr::memmem::find(tail, b"%%EOF").is_some();
    if is_whole {
        Ok(())
    } else {
        Err("an incomplete PDF".to_owned())
    }
}
