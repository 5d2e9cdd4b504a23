//! The page's colours: each text can be read on what it stands on, by the contrast that WCAG asks for at
//! level AA. Reckoned in whole numbers, like everything else here.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../src/pipeline/presentation/templates/style.css");

/// Colours of texts, each with those that it stands on.
const TEXTS: [(&str, &[&str]); 7] = [
    ("ink", &["paper", "card", "mark"]),
    ("soft", &["paper", "card"]),
    ("more", &["paper", "card"]),
    ("less", &["paper", "card"]),
    ("good", &["paper", "card"]),
    ("link", &["paper", "card"]),
    // Borders and bars, of which WCAG asks for less.
    ("plain", &["paper"]),
];

/// Numerator and denominator of `(c/255 + 0.055) / 1.055`, for the numerator `40 c + 561`.
const WHOLE: u128 = 10_761;

/// Fifth root, rounded down, of a number below that of `5 * 10^7`, which is the largest that fits.
fn fifth_root(number: u128) -> u128 {
    let (mut low, mut high) = (0, 50_000_000);
    while low + 1 < high {
        let middle: u128 = u128::midpoint(low, high);
        match middle.pow(5) <= number {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// Part of the light that a channel gives: `x^2.4` is `x^2` times the fifth root of `x^2`, which a scale of
/// 10^30 keeps to six digits. The dark end is straight: `c / 255 / 12.92`.
fn light(channel: u128) -> u128 {
    let power = |x: u128| x * x * fifth_root(x * x * 10_u128.pow(30));
    match channel <= 10 {
        true => power(WHOLE) * channel * 100 / (255 * 1_292),
        false => power(40 * channel + 561),
    }
}

/// Relative luminance, and that of white, in the same units.
fn luminance(colour: &str) -> (u128, u128) {
    let digits = colour.strip_prefix('#').unwrap();
    let wide: String = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let channel = |at: usize| u128::from_str_radix(&wide[at..at + 2], 16).unwrap();
    let of = |[red, green, blue]: [u128; 3]| {
        (2_126 * light(red) + 7_152 * light(green) + 722 * light(blue)) / 10_000
    };
    (of([0, 2, 4].map(channel)), of([255; 3]))
}

/// Contrast of two colours in hundredths: `(L1 + 0.05) / (L2 + 0.05)`, the lighter above.
fn contrast(one: &str, other: &str) -> u128 {
    let ((one, white), (other, _)) = (luminance(one), luminance(other));
    let (dark, bright) = (one.min(other), one.max(other));
    100 * (20 * bright + white) / (20 * dark + white)
}

/// Variables of the style, as they stand behind a mark.
fn colours(mark: &str) -> BTreeMap<&'static str, &'static str> {
    let (_, rest) = STYLE.split_once(mark).expect(mark);
    let (inside, _) = rest.split_once('}').unwrap();
    let pairs = inside.split(';').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.trim_start_matches("--").split_once(':').unwrap());
    pairs.collect()
}

#[test]
fn contrasts_are_those_that_are_known() {
    assert_eq!(contrast("#000", "#fff"), 2_100);
    assert_eq!(contrast("#fff", "#777777"), 447);
    assert_eq!(contrast("#ffffff", "#767676"), 454);
    assert_eq!(contrast("#f00", "#fff"), 399);
}

#[test]
fn every_text_can_be_read_in_light_in_dark_and_on_paper() {
    let light = colours(":root{");
    let mut dark = light.clone();
    dark.extend(colours("@media (prefers-color-scheme:dark){:root{"));
    let mut paper = light.clone();
    paper.extend(colours("@media print{:root{"));
    for (name, of) in [("light", light), ("dark", dark), ("paper", paper)] {
        for (text, grounds) in TEXTS {
            let least = if text == "plain" { 300 } else { 450 };
            for ground in grounds {
                let found = contrast(of[text], of[ground]);
                assert!(found >= least, "{name}: {text} on {ground} has {found}");
            }
        }
    }
}
