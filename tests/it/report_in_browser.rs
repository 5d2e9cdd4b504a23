//! The page of a run in a real Chromium: it says nothing on the console, asks for nothing but itself,
//! shows the figures of its file, and can be used by keyboard, on a narrow screen, in light and dark.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::closing_house::{FINAL, House, assert_ended};
use crate::page_reader::amounts;
use crate::report_pages::{hostile, sample};

/// Whatever can be reached by keyboard, in the order of the page.
const STOPS: &str = "[...document.querySelectorAll('a[href],button,input,summary,[tabindex]')]\
    .filter(one => one.checkVisibility())";

fn page_of(out: &Path) -> PathBuf {
    out.join("current/report.html")
}

/// The file with some markup at its end.
fn with(file: &Path, markup: &str) -> PathBuf {
    let page = fs::read_to_string(file).unwrap();
    let changed = page.replacen("</main>", &format!("{markup}</main>"), 1);
    assert_ne!(page, changed);
    let path = file.with_file_name("changed.html");
    fs::write(&path, changed).unwrap();
    path
}

#[test]
fn the_page_says_nothing_asks_for_nothing_and_shows_its_figures() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (out, outcome) = sample();
    let file = page_of(out.path());
    let address = browser.open(&file);
    let page = fs::read_to_string(&file).unwrap();
    let shown = browser.texts(
        "[...document.querySelectorAll('data')]\
         .filter(one => one.checkVisibility() && one.innerText !== '').map(one => one.value)",
    );
    assert_eq!(shown, amounts(&page));
    for invoice in outcome["invoices"].as_array().unwrap() {
        let number = invoice["invoice_number"].as_str().unwrap();
        let card = format!("[...document.querySelectorAll('[data-invoice=\"{number}\"] data')]");
        let values = browser.texts(&format!("{card}.map(one => one.value)"));
        let checked = invoice["checked_amount"].as_str().unwrap().to_owned();
        assert!(values.contains(&checked), "{number} {values:?}");
    }
    assert_eq!(browser.told(), [format!("request {address}")]);
}

#[test]
fn hostile_names_are_words_on_the_screen_and_nothing_else() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let house = hostile();
    let address = browser.open(&page_of(&house.path("out")));
    let words = browser.value("document.body.innerText");
    for name in ["<script>alert(1)</script>", "{{ 7 * 7 }}{% raw %}", "=1+1"] {
        assert!(words.as_str().unwrap().contains(name), "{name}");
    }
    assert_eq!(browser.value("document.scripts.length"), 1);
    assert_eq!(browser.value("document.images.length"), 0);
    assert_eq!(browser.told(), [format!("request {address}")]);
}

/// The browser's reports are what the two tests before go by: a page that misbehaves has some.
#[test]
fn a_page_that_misbehaves_is_noticed() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (out, _) = sample();
    let file = page_of(out.path());
    let bad = "<img src=\"http://elsewhere.test/x.png\"><script>nothing.there()</script>";
    // The page's own policy lets neither happen, and the browser says so.
    browser.open(&with(&file, bad));
    let told = browser.told();
    for refused in ["img-src", "script-src"] {
        let is_refused = |one: &String| one.starts_with("log ") && one.contains(refused);
        assert!(told.iter().any(is_refused), "{refused} {told:#?}");
    }
    // Without a policy, both happen.
    let bare = out.path().join("bare.html");
    fs::write(&bare, format!("<!DOCTYPE html><body>{bad}")).unwrap();
    browser.open(&bare);
    let told = browser.told();
    for begin in ["request http://elsewhere.test/x.png", "exception "] {
        let is_told = |one: &String| one.starts_with(begin);
        assert!(told.iter().any(is_told), "{begin} {told:#?}");
    }
}

#[test]
fn everything_can_be_done_by_keyboard() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (out, _) = sample();
    browser.open(&page_of(out.path()));
    // Whatever looks as if it could be clicked is something that a keyboard reaches.
    let astray = browser.texts(
        "[...document.querySelectorAll('*')].filter(one => \
         getComputedStyle(one).cursor === 'pointer' && !one.closest('a[href],button,input,summary'))\
         .map(one => one.outerHTML)",
    );
    assert_eq!(astray, [""; 0]);
    let names = "(one => one.tagName + ' ' + (one.ariaLabel ?? one.innerText))";
    let stops = browser.texts(&format!("{STOPS}.map{names}"));
    assert!(stops.len() > 50, "{stops:?}");
    browser.value(&format!(
        "window.met = []; window.unseen = [];\
         document.addEventListener('focusin', event => {{\
           met.push({names}(event.target));\
           if (getComputedStyle(event.target).outlineStyle === 'none') unseen.push(met.at(-1));\
         }}); null"
    ));
    for _ in &stops {
        browser.press("Tab");
    }
    assert_eq!(browser.texts("met"), stops);
    assert_eq!(browser.texts("unseen"), [""; 0], "a focus that is not seen");
    // Each kind does its work on Enter: the way past the head, sorting, unfolding; and the filter types.
    browser.value("document.querySelector('.skip').focus()");
    browser.press("Enter");
    assert_eq!(browser.value("location.hash"), "#verdict");
    browser.value(
        "window.table = document.querySelector('#breaks table.find');\
         table.tHead.rows[0].cells[4].querySelector('button').focus()",
    );
    let sorted = "[...table.tBodies[0].rows].map(row => row.cells[4].querySelector('data').value)";
    for (order, sign) in [("descending", -1), ("ascending", 1)] {
        browser.press("Enter");
        let order = json!(order);
        assert_eq!(
            browser.value("table.tHead.rows[0].cells[4].ariaSort"),
            order
        );
        let is_sorted =
            format!("{sorted}.every((one, at, all) => !at || {sign} * (one - all[at - 1]) >= 0)");
        assert_eq!(browser.value(&is_sorted), true);
    }
    browser.value("document.querySelector('#breaks summary').focus()");
    browser.press("Enter");
    assert_eq!(
        browser.value("document.querySelector('#breaks details').open"),
        true
    );
    let visible = "[...table.tBodies[0].rows].filter(row => row.checkVisibility()).length";
    let before = browser.value(visible);
    browser.value("document.querySelector('#breaks .find-box').focus()");
    browser.call("Input.insertText", json!({"text": "NORTHWIND"}));
    let found = browser.value(visible);
    assert!(
        found.as_u64() > Some(0) && found.as_u64() < before.as_u64(),
        "{found} of {before}"
    );
}

#[test]
fn the_page_is_light_dark_narrow_and_printed() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (out, _) = sample();
    browser.open(&page_of(out.path()));
    let mut look = |scheme: &str, media: &str| -> Value {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let media = json!({"media": media, "features": [feature]});
        browser.call("Emulation.setEmulatedMedia", media);
        browser.value(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,\
             document.querySelector('nav').checkVisibility(),\
             getComputedStyle(document.querySelector('th button')).display]",
        )
    };
    let light = json!(["rgb(255, 255, 255)", "rgb(27, 31, 36)", true, "inline"]);
    assert_eq!(look("light", "screen"), light);
    let dark = json!(["rgb(15, 19, 24)", "rgb(230, 233, 238)", true, "inline"]);
    assert_eq!(look("dark", "screen"), dark);
    // On paper there is no night; and Chromium repeats no head of a table that holds a button's box.
    let paper = json!(["rgb(255, 255, 255)", "rgb(0, 0, 0)", false, "contents"]);
    assert_eq!(look("dark", "print"), paper);
    look("light", "screen");
    let narrow = json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    browser.call("Emulation.setDeviceMetricsOverride", narrow);
    // Wide tables scroll in themselves; the page does not, nor does that of the ledger.
    let widths = "[document.documentElement.scrollWidth - document.documentElement.clientWidth,\
         innerWidth, document.querySelector('.scroll').scrollWidth > innerWidth]";
    assert_eq!(browser.value(widths), json!([0, 400, true]));
    let house = House::new();
    house.run("month", FINAL);
    assert_ended(&house.tieout(&["-q", "report", "--html", "ledger.html"]), 0);
    let address = browser.open(&house.path("ledger.html"));
    assert_eq!(browser.value(widths), json!([0, 400, true]));
    assert_eq!(browser.told(), [format!("request {address}")]);
}
