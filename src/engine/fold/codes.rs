//! The codes of a partial's tuples: each distinct text is folded once, not each total.

use super::vocabulary::Gathering;
use crate::engine::count::key_column::KeyColumn;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::key_projections::{
    CodePlaces, FieldPlace, code_places, coded_parts, raw_place,
};
use crate::engine::rules::keys::{Counted, Origin, Part, PartRow, TUPLES, Tuple};
use crate::engine::rules::price_adjustment::{line_adjustment, usage_adjustment};

static USAGE_PLACES: CodePlaces = code_places(Counted::Usage);
static DAILY_PLACES: CodePlaces = code_places(Counted::DailyUsage);
static LINE_PLACES: CodePlaces = code_places(Counted::Lines);

/// The codes of every tuple of a partial, field by field.
#[derive(Debug)]
pub struct Codes {
    /// Codes of each tuple's ids, one id behind the other.
    tuples: [Vec<u32>; TUPLES],
    /// Domains of each tuple's fields.
    domains: [Vec<Domain>; TUPLES],
    places: &'static CodePlaces,
}

impl Codes {
    /// Codes of usage.
    #[must_use]
    pub fn of_usage(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(gathering, partial, Counted::Usage, &add_all)
    }

    /// Codes of usage but for the domains that are [`Domain::is_local`], which get none.
    #[must_use]
    pub fn shared_of_usage(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(gathering, partial, Counted::Usage, &add_shared)
    }

    /// Codes of invoice lines but for the domains that are [`Domain::is_local`], which get none.
    #[must_use]
    pub fn shared_of_lines(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(gathering, partial, Counted::Lines, &add_shared)
    }

    /// Codes of invoice lines.
    #[must_use]
    pub fn of_lines(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(gathering, partial, Counted::Lines, &add_all)
    }

    /// Codes of usage day by day.
    #[must_use]
    pub fn of_days(gathering: &mut Gathering, partial: &Partial) -> Self {
        Self::gather(gathering, partial, Counted::DailyUsage, &add_all)
    }

    /// `add` numbers the texts of a column.
    fn gather(
        gathering: &mut Gathering,
        partial: &Partial,
        counted: Counted,
        add: &dyn Fn(&mut Gathering, Domain, &KeyColumn) -> Vec<u32>,
    ) -> Self {
        let parts = Tuple::ALL.map(|tuple| coded_parts(counted, tuple).collect::<Vec<_>>());
        let domains = parts.each_ref().map(|parts| {
            parts
                .iter()
                .map(|row| row.part.domain())
                .collect::<Vec<_>>()
        });
        let mut columns = partial.columns.iter();
        let tuples = Tuple::ALL.map(|tuple| {
            let known = &partial.tuples[tuple as usize];
            let domains = &domains[tuple as usize];
            if tuple == Tuple::State {
                return states(gathering, partial, counted, &parts[tuple as usize]);
            }
            let code_of: Vec<Vec<u32>> = domains
                .iter()
                .zip(&mut columns)
                .map(|(domain, column)| add(gathering, *domain, column))
                .collect();
            let mut codes = Vec::with_capacity(known.numbers().len());
            for texts in known.numbers().chunks_exact(domains.len().max(1)) {
                // Columns of domains without codes here have none at all.
                codes.extend(
                    texts
                        .iter()
                        .zip(&code_of)
                        .map(|(text, code_of)| code_of.get(*text as usize).copied().unwrap_or(0)),
                );
            }
            codes
        });
        let places = match counted {
            Counted::Usage => &USAGE_PLACES,
            Counted::DailyUsage => &DAILY_PLACES,
            Counted::Lines => &LINE_PLACES,
        };
        Self {
            tuples,
            domains,
            places,
        }
    }

    /// Numbers to codes.
    pub fn translate(&mut self, code: impl Fn(Domain, u32) -> u32) {
        for (codes, domains) in self.tuples.iter_mut().zip(&self.domains) {
            for (number, domain) in codes.iter_mut().zip(domains.iter().cycle()) {
                *number = code(*domain, *number);
            }
        }
    }

    /// The code of a part of a key.
    ///
    /// # Panics
    /// Where the rows have no code for the part.
    #[must_use]
    pub fn get(&self, key: &[u32; TUPLES], part: Part) -> u32 {
        let place = self.place(part);
        self.at(place, key[place.tuple])
    }

    /// The code of a part of one of the tuples: that which holds the part.
    ///
    /// # Panics
    /// Where the rows have no code for the part.
    #[must_use]
    pub fn of(&self, part: Part, id: u32) -> u32 {
        self.at(self.place(part), id)
    }

    fn place(&self, part: Part) -> FieldPlace {
        self.places[part as usize].expect("the rows have codes for the part")
    }

    fn at(&self, place: FieldPlace, id: u32) -> u32 {
        let width = self.domains[place.tuple].len();
        self.tuples[place.tuple][id as usize * width + place.field]
    }
}

/// Codes of the state tuples: some of their texts, and the price adjustment that is made of others.
fn states(
    gathering: &mut Gathering,
    partial: &Partial,
    counted: Counted,
    parts: &[&PartRow],
) -> Vec<u32> {
    let adjustment = Adjustment::of(counted);
    // `None` for the adjustment, which is no text.
    let fields: Vec<Option<usize>> = parts
        .iter()
        .map(|row| {
            let is_made = row.origin(counted) == Origin::Adjustment;
            (!is_made).then(|| raw_place(counted, row.part).field)
        })
        .collect();
    let ids = partial.tuples[Tuple::State as usize].len();
    let mut codes = Vec::with_capacity(ids as usize * parts.len());
    for id in 0..ids {
        let raw: Vec<&str> = partial.fields(Tuple::State as usize, id).collect();
        codes.extend(parts.iter().zip(&fields).map(|(row, field)| match field {
            Some(field) => gathering.add(row.part.domain(), raw[*field]),
            None => gathering.add(row.part.domain(), &adjustment.text(&raw)),
        }));
    }
    codes
}

/// What the price adjustment is made of: fields of the raw state tuple.
enum Adjustment {
    Usage([usize; 3]),
    Line([usize; 2]),
}

impl Adjustment {
    fn of(counted: Counted) -> Self {
        let field = |part| raw_place(counted, part).field;
        match counted {
            Counted::Usage | Counted::DailyUsage => Self::Usage(
                [
                    Part::CreditType,
                    Part::EarnedCreditPercentage,
                    Part::CreditPercentage,
                ]
                .map(field),
            ),
            Counted::Lines => Self::Line([Part::ChargeType, Part::AdjustmentText].map(field)),
        }
    }

    fn text(&self, raw: &[&str]) -> String {
        match *self {
            Self::Usage([kind, earned, credit]) => {
                usage_adjustment(raw[kind], raw[earned], raw[credit])
            }
            Self::Line([charge_type, text]) => line_adjustment(raw[charge_type], raw[text]),
        }
    }
}

fn add_all(gathering: &mut Gathering, domain: Domain, column: &KeyColumn) -> Vec<u32> {
    gathering.add_all(domain, column.texts().len(), |text| column.text(text))
}

/// One by one: whoever calls holds a lock that other work of the pool may wait for.
fn add_shared(gathering: &mut Gathering, domain: Domain, column: &KeyColumn) -> Vec<u32> {
    let count = if domain.is_local() {
        0
    } else {
        column.texts().len()
    };
    (0..count)
        .map(|text| gathering.add(domain, column.text(text)))
        .collect()
}
