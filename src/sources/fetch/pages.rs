//! Partner Center v1: pages followed to their end, each landed as it came. The next address is built
//! here; of an answer only the token is taken (`endpoints.md` §6).

use std::collections::HashSet;

use reqwest::{Method, Url};

use super::endpoints::{Endpoint, Paging};
use super::workers::Fetcher;
use crate::model::page::{PageFacts, page_facts, same_items};
use crate::progress::watch::Event;
use crate::sources::failure::FetchError;
use crate::sources::identity::origin;
use crate::sources::landing::journal::{Entry, Part};
use crate::sources::wire::http::{Ask, Reply, any_body};

/// Hosts of links in a page are compared with ours, whatever else is wrong with the link.
const NEXT: &str = "the next link of a page";
/// Codes of answers that say in so many words that there is nothing.
const NOTHING_CODES: [&str; 1] = ["3000"];
/// A list that never ends is no list.
const PAGE_LIMIT: u32 = 100_000;

/// What an endpoint is asked for: values for its placeholders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(pub Vec<(&'static str, String)>);

impl Context {
    /// With one more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    /// A value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A template with the values in it.
    pub(crate) fn fill(&self, template: &str) -> String {
        self.0
            .iter()
            .fold(template.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    }
}

/// A unit of pages.
pub(crate) struct Pages<'f> {
    pub(crate) fetcher: &'f Fetcher,
    pub(crate) endpoint: &'f Endpoint,
    pub(crate) context: &'f Context,
    /// The unit's id.
    pub(crate) id: &'f str,
}

/// How a try at a unit ended.
enum Try {
    Complete,
    Restart(String),
}

impl Pages<'_> {
    /// Fetches the unit; what an interrupted fetch landed of it is kept.
    pub(crate) async fn fetch(&self) -> Result<(), FetchError> {
        let fetcher = self.fetcher;
        let restarts = fetcher.http.patience.restarts;
        let mut reason = String::new();
        for attempt in 0..=restarts {
            match self.run(attempt).await? {
                Try::Complete => {
                    let day = fetcher.order.today.clone();
                    return fetcher
                        .landing
                        .enter(self.id, Entry::Complete { etag: None, day });
                }
                Try::Restart(why) => {
                    fetcher.http.watch.tell(Event::Note(format!(
                        "`{}`: {why}: the unit is begun anew",
                        self.id
                    )));
                    fetcher.http.count_retry(self.id, &why)?;
                    fetcher.landing.enter(
                        self.id,
                        Entry::Restarted {
                            reason: why.clone(),
                        },
                    )?;
                    reason = why;
                }
            }
        }
        let found = format!("{reason}, {} times", restarts + 1);
        Err(FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: "pages that follow on each other to an end".to_owned(),
        })
    }

    async fn run(&self, attempt: u32) -> Result<Try, FetchError> {
        let fetcher = self.fetcher;
        let mut parts = fetcher
            .landing
            .unit(self.id)
            .open
            .map(|open| open.parts)
            .unwrap_or_default();
        parts.sort_by(|left, right| left.name.cmp(&right.name));
        let mut hashes: HashSet<String> = parts.iter().map(|part| part.blake3.clone()).collect();
        let mut tokens: HashSet<String> =
            parts.iter().filter_map(|part| part.next.clone()).collect();
        let mut token = parts.last().and_then(|part| part.next.clone());
        let mut offset: u64 = parts.iter().map(|part| part.rows).sum();
        let mut number = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        if !parts.is_empty() && token.is_none() {
            return Ok(Try::Complete);
        }
        if !self.is_unchanged(&parts).await? {
            return Ok(Try::Restart(
                "the first page is another one by now".to_owned(),
            ));
        }
        loop {
            number += 1;
            if number > PAGE_LIMIT {
                return Ok(Try::Restart(format!("more than {PAGE_LIMIT} pages")));
            }
            let reply = match self.page(token.as_deref(), offset, number).await {
                Ok(reply) => reply,
                // A token that has expired; or one that was never good.
                Err(FetchError::Refused {
                    status: 400 | 410,
                    found,
                    ..
                }) if number > 1 => {
                    return Ok(Try::Restart(format!("page {number} refused ({found})")));
                }
                Err(FetchError::Refused { code, .. }) if NOTHING_CODES.contains(&code.as_str()) => {
                    return Ok(Try::Complete);
                }
                Err(error) => return Err(error),
            };
            if reply.status == 204 {
                return Ok(Try::Complete);
            }
            let facts = self.facts(&reply)?;
            let hash = blake3::hash(&reply.body).to_hex().to_string();
            if !hashes.insert(hash) && number > 1 {
                // A server that ignores `offset` gives the same list for ever.
                let ignored = self.endpoint.paging == Paging::Offset && facts.next_uri.is_none();
                return Ok(if ignored {
                    Try::Complete
                } else {
                    Try::Restart(format!("page {number} is a page that came before"))
                });
            }
            let next = self.next(&facts, offset);
            if facts.items == 0 && number > 1 {
                match (&next, self.endpoint.paging, attempt) {
                    (None, Paging::Offset, _) => return Ok(Try::Complete),
                    // Seen twice, it is what the server means.
                    (Some(_), _, 0) => {
                        return Ok(Try::Restart(format!(
                            "page {number} is empty, but has a next link"
                        )));
                    }
                    _ => {}
                }
            }
            if next
                .as_ref()
                .is_some_and(|next| !tokens.insert(next.clone()))
            {
                return Ok(Try::Restart(format!(
                    "page {number} leads back to a page before it"
                )));
            }
            offset += facts.items;
            self.land(number, &reply.body, &facts, next.clone())?;
            match next {
                Some(next) => token = Some(next),
                None => return Ok(Try::Complete),
            }
        }
    }

    /// Whether what was landed before an interruption may be gone on with: pages of two versions of
    /// the data do not belong together. A snapshot of today is taken as it is.
    async fn is_unchanged(&self, parts: &[Part]) -> Result<bool, FetchError> {
        let Some(first) = parts.first().filter(|_| !self.endpoint.snapshot) else {
            return Ok(true);
        };
        let landed = self.fetcher.landing.bytes_of(first)?;
        let reply = self.page(None, 0, 1).await?;
        Ok(same_items(&landed, &reply.body))
    }

    /// The token of the next page; of pages by offset, the offset.
    fn next(&self, facts: &PageFacts, offset: u64) -> Option<String> {
        match self.endpoint.paging {
            Paging::Seek { .. } => facts.next_token.clone(),
            Paging::Offset => {
                let is_full = facts.items >= u64::from(self.endpoint.page_size);
                (facts.items > 0 && (is_full || facts.next_uri.is_some()))
                    .then(|| (offset + facts.items).to_string())
            }
            Paging::None => facts.next_token.clone(),
            Paging::File => None,
        }
    }

    fn facts(&self, reply: &Reply) -> Result<PageFacts, FetchError> {
        if self.endpoint.paging == Paging::File {
            return Ok(PageFacts::default());
        }
        let facts = page_facts(&reply.body).map_err(|found| FetchError::Incomplete {
            what: format!("`{}`", self.id),
            found,
            wanted: "a page".to_owned(),
        })?;
        if let Some(uri) = &facts.next_uri {
            origin::same_origin(&self.fetcher.addresses().partner_center, uri, NEXT)?;
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
        let ending = if self.endpoint.paging == Paging::File {
            "pdf"
        } else {
            "json"
        };
        let part =
            self.fetcher
                .landing
                .land_page(self.id, &format!("page-{number:06}"), body, ending)?;
        let event = Event::Landed {
            dataset: self.endpoint.dataset,
            rows: facts.items,
            bytes: part.bytes,
        };
        self.fetcher.landing.enter(
            self.id,
            Entry::Part(Part {
                rows: facts.items,
                next,
                ..part
            }),
        )?;
        self.fetcher.http.watch.tell(event);
        Ok(())
    }

    async fn page(
        &self,
        token: Option<&str>,
        offset: u64,
        number: u32,
    ) -> Result<Reply, FetchError> {
        let Self {
            fetcher,
            endpoint,
            context,
            ..
        } = self;
        let mut headers = Vec::new();
        let follows = number > 1;
        if let (Paging::Seek { .. } | Paging::None, Some(token), true) =
            (endpoint.paging, token, follows)
        {
            headers.push(("MS-ContinuationToken", token.to_owned()));
        }
        let what = if follows {
            format!("`{}` page {number}", self.id)
        } else {
            format!("`{}`", self.id)
        };
        let is_file = endpoint.paging == Paging::File;
        let ask = Ask {
            what: &what,
            method: Method::GET,
            url: self.address(follows, offset)?,
            headers,
            body: None,
            throttle: &context.fill(endpoint.throttle),
            token: Some(fetcher.tokens.kind_for(endpoint.user_only)),
            // After a page with a next link, nothing is "not yet", never "the end".
            waits_for_content: endpoint.waits_for_content || follows,
            check: if is_file { &is_pdf } else { &is_page },
        };
        fetcher.http.ask(&ask, &fetcher.tokens).await
    }

    fn address(&self, follows: bool, offset: u64) -> Result<Url, FetchError> {
        let Self {
            fetcher,
            endpoint,
            context,
            ..
        } = self;
        let mut url = fetcher.addresses().partner_center.clone();
        {
            let mut path = url.path_segments_mut().map_err(|()| FetchError::Security {
                what: "the address of Partner Center".to_owned(),
                found: "an address without a path".to_owned(),
                wanted: "an https address".to_owned(),
            })?;
            path.clear()
                .push("v1")
                .extend(endpoint.path.split('/').map(|step| context.fill(step)));
        }
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let keeps = !follows
            || !matches!(
                endpoint.paging,
                Paging::Seek {
                    keeps_query: false,
                    ..
                }
            );
        if keeps {
            pairs.extend(
                endpoint
                    .query
                    .iter()
                    .map(|(name, value)| (*name, context.fill(value)))
                    .filter(|(_, value)| !value.contains('{')),
            );
        }
        if endpoint.page_size > 0 {
            pairs.push(("size", endpoint.page_size.to_string()));
        }
        match endpoint.paging {
            Paging::Offset => pairs.push(("offset", offset.to_string())),
            Paging::Seek { seek, .. } if follows => pairs.push((seek, "Next".to_owned())),
            _ => {}
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }
}

fn is_page(body: &[u8]) -> Result<(), String> {
    page_facts(body).map(|_| ())
}

fn is_pdf(body: &[u8]) -> Result<(), String> {
    any_body(body)?;
    let tail = body
        .get(body.len().saturating_sub(1_024)..)
        .unwrap_or_default();
    let whole = body.starts_with(b"%PDF") && memchr::memmem::find(tail, b"%%EOF").is_some();
    if whole {
        Ok(())
    } else {
        Err("bytes that are no whole PDF".to_owned())
    }
}
