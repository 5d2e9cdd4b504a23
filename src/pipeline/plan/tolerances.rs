//! The `tolerance` tables of a tie-out. Numbers are decimal texts in quotes: a TOML float is not
//! exact, and is refused.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::checker::{Checker, join};
use super::document::{Entry, Place, Value, get};
use crate::engine::rules::tolerance::{Tolerance, Tolerances};
use crate::model::ids::{Fold, fold};

const KEYS: [&str; 3] = ["absolute", "relative", "materiality"];

/// Number in the text of a tolerance: decimal, exact, not negative. `None` for any other text.
#[must_use]
pub fn tolerance_number(text: &str) -> Option<Decimal> {
    let number = Decimal::from_str_exact(text.trim()).ok()?;
    (!number.is_sign_negative() || number.is_zero()).then_some(number)
}

/// Reads the tolerance table at `key`.
pub(crate) fn read(checker: &mut Checker<'_>, key: &str, entry: &Entry) -> Tolerances {
    let fields = checker.optional_table(key, Some(entry));
    checker.known(
        key,
        fields,
        &[
            "absolute",
            "relative",
            "materiality",
            "currency",
            "customer",
        ],
    );
    Tolerances {
        all: tolerance(checker, key, fields),
        by_currency: by_name(
            checker,
            &join(key, "currency"),
            get(fields, "currency"),
            Fold::Code,
        ),
        by_customer: by_name(
            checker,
            &join(key, "customer"),
            get(fields, "customer"),
            Fold::Identifier,
        ),
    }
}

/// Tolerances of single currencies or customers, by name folded as `kind`: the engine looks a
/// tolerance up by the folded name.
fn by_name(
    checker: &mut Checker<'_>,
    key: &str,
    entry: Option<&Entry>,
    kind: Fold,
) -> BTreeMap<String, Tolerance> {
    let mut tolerances = BTreeMap::new();
    for entry in checker.optional_table(key, entry) {
        let name = fold(kind, &entry.key);
        let key = join(key, &entry.key);
        let found = || format!("`{}`", entry.key);
        // A misspelt currency would be a tolerance that never applies.
        if kind == Fold::Code
            && !(name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            checker.note(
                &entry.place,
                &key,
                found(),
                "a currency code, such as `EUR`",
                None,
            );
        } else if name.is_empty() {
            checker.note(
                &entry.place,
                &key,
                "an empty string".to_owned(),
                "a customer id",
                None,
            );
        } else if tolerances.contains_key(&name) {
            checker.note(
                &entry.place,
                &key,
                format!("`{name}` twice"),
                "each name once",
                None,
            );
        }
        // Read even after a mistake in the name, so that mistakes in the table are shown as well.
        let Some(fields) = checker.table(&key, entry) else {
            continue;
        };
        checker.known(&key, fields, &KEYS);
        tolerances.insert(name, tolerance(checker, &key, fields));
    }
    tolerances
}

fn tolerance(checker: &mut Checker<'_>, key: &str, fields: &[Entry]) -> Tolerance {
    let [absolute, relative, materiality] = KEYS.map(|name| {
        let entry = get(fields, name)?;
        decimal(checker, &join(key, name), name, entry)
    });
    // More than 1 was meant as a percentage, and would accept almost any difference.
    if let (Some(relative), Some(entry)) = (relative, get(fields, "relative"))
        && relative > Decimal::ONE
    {
        let hint = "`0.05` is five per cent".to_owned();
        checker.wrong(
            &join(key, "relative"),
            &entry.node,
            "a fraction of the expected amount, at most 1",
            Some(hint),
        );
    }
    Tolerance {
        absolute,
        relative,
        materiality,
    }
}

fn decimal(checker: &mut Checker<'_>, key: &str, name: &str, entry: &Entry) -> Option<Decimal> {
    let wanted = "a decimal number in quotes, not negative";
    let text = match &entry.node.value {
        Value::Text(text) | Value::Integer(text) => text,
        // A flag's value has no quotes of its own: the shell takes them off.
        Value::Float(text) if matches!(entry.node.place, Place::Flag(_)) => text,
        Value::Float(text) => {
            checker.wrong(
                key,
                &entry.node,
                wanted,
                Some(format!("floats are not exact: write `{name} = \"{text}\"`")),
            );
            return None;
        }
        _ => {
            checker.wrong(key, &entry.node, wanted, None);
            return None;
        }
    };
    let number = tolerance_number(text);
    if number.is_none() {
        let hint = text
            .contains(',')
            .then(|| "the decimal separator is a point; thousands are not separated".to_owned());
        checker.wrong(key, &entry.node, wanted, hint);
    }
    number
}
