//! Pages of a Partner Center v1 endpoint, followed to the last one and stored as received. The next
//! address is built here, because published links are malformed: only the token of a response is
//! used ([endpoints §6](crate::model::domain::endpoints)).
//!
//! A list may change, repeat itself or end early while it is read. Whatever looks like that starts
//! the unit over; it is never patched together.

use std::collections::HashSet;

use reqwest::{Method, Url};

use super::context::Context;
use super::endpoints::{Endpoint, Paging};
use crate::model::page::{PageFacts, page_facts, same_items};
use crate::progress::reporting::Event;
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;
use crate::sources::landing::journal::{Entry, Part};
use crate::sources::session::Session;
use crate::sources::wire::message::{ApiRequest, ApiResponse};

/// Codes of error responses that mean that there is nothing, and are an empty list.
const NOTHING_CODES: [&str; 1] = ["3000"];
/// Pages of one list: 100,000; a longer one is taken for an endless one.
const PAGE_LIMIT: u32 = 100_000;

/// A unit of pages.
pub(super) struct Pages<'f> {
    pub(super) session: &'f Session,
    pub(super) endpoint: &'f Endpoint,
    pub(super) context: &'f Context,
    /// Id of the unit.
    pub(super) id: &'f str,
}

/// End of one try at the unit.
enum PagesEnd {
    Complete,
    /// The unit has to be started over, for this reason.
    Restart(String),
}

/// Position in a list, and everything seen of it before.
struct Walk {
    /// Number of the last page, from 1.
    number: u32,
    /// Rows of all pages so far.
    offset: u64,
    /// Token of the next page.
    token: Option<String>,
    /// BLAKE3 of each page, by which a repeated one is noticed.
    hashes: HashSet<String>,
    /// Each token, by which a cycle is noticed.
    tokens: HashSet<String>,
}

impl Walk {
    /// The position behind the pages that are stored already, in their order.
    fn behind(parts: &[Part]) -> Self {
        Self {
            number: u32::try_from(parts.len()).expect("a list has at most `PAGE_LIMIT` pages"),
            offset: parts.iter().map(|part| part.rows).sum(),
            token: parts.last().and_then(|part| part.next.clone()),
            hashes: parts.iter().map(|part| part.blake3.clone()).collect(),
            tokens: parts.iter().filter_map(|part| part.next.clone()).collect(),
        }
    }

    /// True if a page of the list comes before the current one.
    fn follows(&self) -> bool {
        self.number > 1
    }
}

/// Answer to the request for the next page.
enum NextPage {
    /// The page that was asked for.
    Page(ApiResponse),
    /// The list has no such page, and the try ends like this.
    Ended(PagesEnd),
}

impl Pages<'_> {
    /// Fetches the unit, beginning with what an interrupted fetch has stored of it.
    pub(super) async fn fetch(&self) -> Result<(), FetchError> {
        let http = &self.session.http;
        let restarts = http.retry_policy.restarts;
        let mut reason = String::new();
        for attempt in 0..=restarts {
            match self.run(attempt).await? {
                PagesEnd::Complete => {
                    let day = self.session.today.clone();
                    return self.enter(Entry::Complete { etag: None, day });
                }
                PagesEnd::Restart(why) => {
                    let line = format!("`{}`: {why}; the unit is started over", self.id);
                    http.progress.tell(Event::Note(line));
                    http.count_retry(self.id, &why)?;
                    reason = why.clone();
                    self.enter(Entry::Restarted { reason: why })?;
                }
            }
        }
        Err(FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found: format!("{reason}, {} times", restarts + 1),
            wanted: "a chain of pages that ends".to_owned(),
        })
    }

    fn enter(&self, entry: Entry) -> Result<(), FetchError> {
        self.session.landing.enter(self.id, entry)
    }

    async fn run(&self, attempt: u32) -> Result<PagesEnd, FetchError> {
        let mut parts = self.session.landing.unit(self.id).open_parts().to_vec();
        // Names have leading zeros: their order is that of the pages.
        parts.sort_by(|left, right| left.name.cmp(&right.name));
        let mut walk = Walk::behind(&parts);
        // The last page was stored, but the fetch ended before it could say so.
        if !parts.is_empty() && walk.token.is_none() {
            return Ok(PagesEnd::Complete);
        }
        if !self.is_unchanged(&parts).await? {
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

    /// True if what was stored before an interruption may be continued: pages of two versions of
    /// the data do not belong together. A snapshot of today is not checked: it changes all the
    /// time.
    async fn is_unchanged(&self, parts: &[Part]) -> Result<bool, FetchError> {
        let Some(first) = parts.first().filter(|_| !self.endpoint.snapshot) else {
            return Ok(true);
        };
        let stored = self.session.landing.bytes_of(first)?;
        let reply = self.page(None, 0, 1).await?;
        Ok(same_items(&stored, &reply.body))
    }

    /// Asks for the page that the walk has come to.
    async fn next_page(&self, walk: &Walk) -> Result<NextPage, FetchError> {
        let number = walk.number;
        let asked = self.page(walk.token.as_deref(), walk.offset, number).await;
        match asked {
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
            Err(FetchError::Refused { code, .. }) if NOTHING_CODES.contains(&code.as_str()) => {
                Ok(NextPage::Ended(PagesEnd::Complete))
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
        // The order of these checks matters: a repeated page is told before an empty one.
        let facts = self.facts(reply)?;
        let hash = blake3::hash(&reply.body).to_hex().to_string();
        if !walk.hashes.insert(hash) && walk.follows() {
            // A server that ignores `offset` returns the whole list for ever.
            let is_ignored = self.endpoint.paging == Paging::Offset && facts.next_uri.is_none();
            return Ok(Some(if is_ignored {
                PagesEnd::Complete
            } else {
                PagesEnd::Restart(format!("page {number} repeats an earlier page"))
            }));
        }
        let next = self.next(&facts, walk.offset);
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
            && !walk.tokens.insert(next.clone())
        {
            let why = format!("page {number} links back to an earlier page");
            return Ok(Some(PagesEnd::Restart(why)));
        }
        walk.offset += facts.items;
        self.land(number, &reply.body, &facts, next.clone())?;
        walk.token = next;
        Ok(walk.token.is_none().then_some(PagesEnd::Complete))
    }

    /// The token of the next page, if there is one; for pages by offset, the offset.
    fn next(&self, facts: &PageFacts, offset: u64) -> Option<String> {
        match self.endpoint.paging {
            Paging::Seek { .. } | Paging::None => facts.next_token.clone(),
            // A full page may be the last one: the next, empty one will tell.
            Paging::Offset => {
                let is_full = facts.items >= u64::from(self.endpoint.page_size);
                (facts.items > 0 && (is_full || facts.next_uri.is_some()))
                    .then(|| (offset + facts.items).to_string())
            }
            Paging::File => None,
        }
    }

    fn facts(&self, reply: &ApiResponse) -> Result<PageFacts, FetchError> {
        if self.endpoint.paging == Paging::File {
            return Ok(PageFacts::default());
        }
        let facts = page_facts(&reply.body).map_err(|found| FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: "a page".to_owned(),
        })?;
        // The link is not followed; but one to another host shows that something is badly wrong.
        if let Some(uri) = &facts.next_uri {
            let base = &self.session.addresses().partner_center;
            origin::same_origin(base, uri, "The next link of a page")?;
        }
        Ok(facts)
    }

    fn land(
        &self,
        number: u32,
        body: &[u8],
        facts: &PageFacts,
        next: Option<String>,
    ) -> Result<(), FetchError> {
        let ending = match self.endpoint.paging {
            Paging::File => "pdf",
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
            next,
            ..part
        }))?;
        self.session.http.progress.tell(event);
        Ok(())
    }

    /// Asks for a page by its token or offset.
    async fn page(
        &self,
        token: Option<&str>,
        offset: u64,
        number: u32,
    ) -> Result<ApiResponse, FetchError> {
        let follows = number > 1;
        let mut headers = Vec::new();
        // The first page is asked for without a token, also after an interruption.
        if let (Paging::Seek { .. } | Paging::None, Some(token), true) =
            (self.endpoint.paging, token, follows)
        {
            headers.push(("MS-ContinuationToken", token.to_owned()));
        }
        let what = if follows {
            format!("`{}` page {number}", self.id)
        } else {
            format!("`{}`", self.id)
        };
        let is_file = self.endpoint.paging == Paging::File;
        let ask = ApiRequest {
            what: &what,
            method: Method::GET,
            url: self.address(follows, offset),
            headers,
            body: None,
            throttle: &self.context.fill(self.endpoint.throttle),
            // After a page with a next link, 204 means "not ready yet", never "the end"
            // (`model::domain::quirks`, "JSON of the API", 6).
            waits_for_content: self.endpoint.waits_for_content || follows,
            check: if is_file { &is_pdf } else { &is_page },
        };
        let kind = self.session.tokens.kind_for(self.endpoint.user_only);
        self.session.ask(kind, &ask).await
    }

    /// The address of a page.
    fn address(&self, follows: bool, offset: u64) -> Url {
        let Self {
            session,
            endpoint,
            context,
            ..
        } = self;
        let mut url = session.addresses().partner_center.clone();
        url.path_segments_mut()
            .expect("an address with a host has a path")
            .clear()
            .push("v1")
            .extend(endpoint.path.split('/').map(|step| context.fill(step)));
        let mut pairs: Vec<(&str, String)> = endpoint
            .query
            .iter()
            .map(|(name, value)| (*name, context.fill(value)))
            // A placeholder without a value, such as `{period}` of billed data.
            .filter(|(_, value)| !value.contains('{'))
            .collect();
        if endpoint.page_size > 0 {
            // Sent with every page, as the first one was: a page of another size is another list.
            pairs.push(("size", endpoint.page_size.to_string()));
        }
        match endpoint.paging {
            Paging::Offset => pairs.push(("offset", offset.to_string())),
            Paging::Seek { seek } if follows => pairs.push((seek, "Next".to_owned())),
            _ => {}
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }
}

fn is_page(body: &[u8]) -> Result<(), String> {
    page_facts(body).map(|_| ())
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
