//! Pages of lists that were saved as files. A page that leads to another one, or counts more items
//! than it has, is a part of its list: it is read only if the rest is there, too. Pages that tieout
//! fetched are not asked, as the journal of the fetch proves that they are complete.
//!
//! A page does not say which one it is: its continuation token leads on, and its own address is
//! that of the whole list ([endpoints §6](crate::model::domain::endpoints)). So pages of one address
//! are one list, which is whole if it has an end, and as many items as its pages count.

use std::collections::BTreeMap;

use crate::decode::DecodeError;
use crate::model::page::PageFacts;

/// Parameters of an address that differ between the pages of a list.
const PAGE_PARAMETERS: [&str; 4] = ["seekoperation", "seek_operation", "offset", "$skiptoken"];

/// Pages that were read from files.
#[derive(Debug, Default)]
pub(crate) struct PageLists {
    /// Pages by dataset and address of their list: the name of each one's file, and its facts.
    lists: BTreeMap<(&'static str, String), Vec<(String, PageFacts)>>,
}

impl PageLists {
    /// Adds the page that a file is; `None` for a file that is no page.
    pub(crate) fn note(&mut self, dataset: &'static str, unit: &str, page: Option<PageFacts>) {
        let Some(page) = page else { return };
        let list = (dataset, address(&page));
        self.lists
            .entry(list)
            .or_default()
            .push((unit.to_owned(), page));
    }

    /// Checks that no list lacks a page.
    ///
    /// # Errors
    /// [`DecodeError`] naming the first page of the first list that lacks one.
    pub(crate) fn check(self) -> Result<(), DecodeError> {
        for mut pages in self.lists.into_values() {
            // Units are read in any order, and the same one is to be named in every run.
            pages.sort_by(|left, right| left.0.cmp(&right.0));
            for (unit, page) in &pages {
                if page.has_next() && !has_rest(page, &pages) {
                    return Err(without_next(unit));
                }
                if let Some(total) = page.total
                    && total > page.items
                    && total > items_beside(page, &pages)
                {
                    return Err(cut(unit, total, page.items));
                }
            }
        }
        Ok(())
    }
}

/// True if the pages of a list hold what follows one of them.
fn has_rest(page: &PageFacts, pages: &[(String, PageFacts)]) -> bool {
    let offset_of = |uri: &Option<String>| parameter(uri.as_deref()?, "offset")?.parse().ok();
    let next: Option<u64> = offset_of(&page.next_uri);
    let starts: Vec<u64> = pages
        .iter()
        .filter_map(|(_, other)| offset_of(&other.own_uri))
        .collect();
    match next {
        // Where every page states its offset, the very next one must be there.
        Some(next) if starts.len() == pages.len() => starts.contains(&next),
        _ => pages.iter().any(|(_, other)| !other.has_next()),
    }
}

/// Number of items of all pages with which a page may share its count: some answers count the page
/// and others the list.
fn items_beside(page: &PageFacts, pages: &[(String, PageFacts)]) -> u64 {
    // Pages without any address are one list only if one of them leads on.
    let is_list = !address(page).is_empty() || pages.iter().any(|(_, other)| other.has_next());
    if is_list {
        pages.iter().map(|(_, other)| other.items).sum()
    } else {
        page.items
    }
}

/// Address of the list that a page belongs to, without what tells its pages apart; empty for a page
/// that states none.
fn address(page: &PageFacts) -> String {
    let Some(uri) = page.own_uri.as_ref().or(page.next_uri.as_ref()) else {
        return String::new();
    };
    let uri = uri.to_lowercase();
    // Published links have a second `?` in the place of an `&`.
    let mut parts = uri.split(['?', '&']);
    let path = parts.next().map(|path| path.trim_matches('/'));
    let mut left: Vec<&str> = parts
        .filter(|part| {
            let name = part.split('=').next().unwrap_or(part);
            !PAGE_PARAMETERS.contains(&name)
        })
        .collect();
    left.sort_unstable();
    format!("{}?{}", path.unwrap_or_default(), left.join("&"))
}

/// Value of a parameter in an address.
fn parameter<'u>(uri: &'u str, name: &str) -> Option<&'u str> {
    uri.split(['?', '&']).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn without_next(unit: &str) -> DecodeError {
    DecodeError {
        unit: unit.to_owned(),
        line: None,
        found: "a page that leads to another one, which is not among the files".to_owned(),
        wanted: "all pages of the list".to_owned(),
        hint: "save the pages to which `links.next` leads, up to the one that has none, \
               and pass all of them"
            .to_owned(),
        damaged: true,
    }
}

fn cut(unit: &str, total: u64, items: u64) -> DecodeError {
    DecodeError {
        unit: unit.to_owned(),
        line: None,
        found: format!("{items} of the {total} items that its `totalCount` counts"),
        wanted: "all of them, in this page or in the other ones of its list".to_owned(),
        hint: "save the whole list again, page by page until one has no `links.next`".to_owned(),
        damaged: true,
    }
}
