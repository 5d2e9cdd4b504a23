//! Unbilled data of earlier nights: once a month is billed, the service has none of it any more, and
//! the last snapshot is what was known before the invoice
//! ([semantics §10](crate::model::domain::semantics)).

use super::fetched::{Became, Fetched};
use super::order::Order;
use crate::model::period::date_of;
use crate::sources::landing::Landing;

/// Puts the last snapshot of an earlier night in the place of unbilled data that the service has no
/// more; true if there is one.
pub(super) fn take_last(landing: &Landing, order: &Order, unit: &mut Fetched) -> bool {
    let is_gone = matches!(unit.became, Became::Nothing(_));
    let of_period = unit.context.get("period").filter(|_| is_gone);
    // Only unbilled data have a period in words.
    let Some(of_period @ ("current" | "previous")) = of_period else {
        return false;
    };
    let Some((beginning, _)) = unit.id.rsplit_once('@') else {
        return false;
    };
    let (first, next) = order.period.days();
    let [first, next] = [first, next].map(|day| {
        let date = date_of(day).expect("a day of a period is a date");
        date.to_string()
    });
    // After the month's end the service calls it the previous one, before that the current one.
    let before = beginning.replace(&format!("/{of_period}/"), "/current/");
    let nights = [
        (beginning, &next, &order.today),
        (before.as_str(), &first, &next),
    ];
    let snapshot = nights.into_iter().find_map(|(beginning, from, to)| {
        landing.newest_snapshot(&format!("{beginning}@"), from..to)
    });
    let Some(id) = snapshot else { return false };
    let Some(version) = landing.newest(&id) else {
        return false;
    };
    unit.id = id;
    unit.became = Became::Unchanged;
    (unit.parts, unit.rows) = (version.parts.len() as u64, version.rows());
    true
}
