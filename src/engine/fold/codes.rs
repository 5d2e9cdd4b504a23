//! Codes of a partial's keys.
//!
//! Fast, because each distinct text of a column is folded once, and not each total: of a hundred
//! million rows, there may be a few thousand products. The codes of a tuple are then looked up by
//! the tuple's number. Which texts have codes, and in which field, is a projection of the [key
//! table](crate::engine::rules::keys).

use super::vocabulary::VocabularyBuilder;
use crate::engine::count::key_column::KeyColumn;
use crate::engine::count::partial::Partial;
use crate::engine::rules::domain::Domain;
use crate::engine::rules::key_projections::{
    CodePlaces, FieldPlace, code_places, coded_parts, raw_place,
};
use crate::engine::rules::keys::{Counted, Origin, Part, PartRow, TUPLES, Tuple};
use crate::engine::rules::price_adjustment::{LineDiscounts, usage_adjustment};

static USAGE_PLACES: CodePlaces = code_places(Counted::Usage);
static DAILY_PLACES: CodePlaces = code_places(Counted::DailyUsage);
static LINE_PLACES: CodePlaces = code_places(Counted::Lines);

/// Code of a text that got none, as that of the empty text.
const NO_CODE: u32 = 0;

/// Codes of every tuple of a partial, field by field. Until [`Codes::translate`] they are numbers
/// of the builder to which the texts were added.
#[derive(Debug)]
pub(super) struct Codes {
    /// Codes of each tuple's fields, one tuple behind the other in the order of their numbers.
    tuples: [Vec<u32>; TUPLES],
    /// Domains of each tuple's fields.
    domains: [Vec<Domain>; TUPLES],
    places: &'static CodePlaces,
}

/// Numbers of a column's texts, by the text's number in the column; `None` for a column that gets
/// none.
type AddColumn = dyn Fn(&mut VocabularyBuilder, Domain, &KeyColumn) -> Option<Vec<u32>>;

impl Codes {
    /// Codes of usage by month.
    #[must_use]
    pub(super) fn of_usage(builder: &mut VocabularyBuilder, partial: &Partial) -> Self {
        Self::of_rows(builder, partial, Counted::Usage, &add_all)
    }

    /// Codes of usage day by day.
    #[must_use]
    pub(super) fn of_days(builder: &mut VocabularyBuilder, partial: &Partial) -> Self {
        Self::of_rows(builder, partial, Counted::DailyUsage, &add_all)
    }

    /// Codes of invoice lines.
    #[must_use]
    pub(super) fn of_lines(builder: &mut VocabularyBuilder, partial: &Partial) -> Self {
        Self::of_rows(builder, partial, Counted::Lines, &add_all)
    }

    /// Codes of usage by month but for the domains that are [`Domain::is_local`], which get none.
    #[must_use]
    pub(super) fn shared_of_usage(builder: &mut VocabularyBuilder, partial: &Partial) -> Self {
        Self::of_rows(builder, partial, Counted::Usage, &add_shared)
    }

    /// Codes of invoice lines but for the domains that are [`Domain::is_local`], which get none.
    #[must_use]
    pub(super) fn shared_of_lines(builder: &mut VocabularyBuilder, partial: &Partial) -> Self {
        Self::of_rows(builder, partial, Counted::Lines, &add_shared)
    }

    fn of_rows(
        builder: &mut VocabularyBuilder,
        partial: &Partial,
        counted: Counted,
        add: &AddColumn,
    ) -> Self {
        let parts = Tuple::ALL.map(|tuple| coded_parts(counted, tuple).collect::<Vec<_>>());
        let tuples = Tuple::ALL.map(|tuple| {
            let parts = &parts[tuple as usize];
            if tuple == Tuple::State {
                states(builder, partial, counted, parts)
            } else {
                texts(builder, partial, tuple, parts, add)
            }
        });
        let domains = parts.map(|parts| parts.iter().map(|row| row.part.domain()).collect());
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

    /// Replaces the numbers of a builder by the codes of its vocabulary.
    pub(super) fn translate(&mut self, code: impl Fn(Domain, u32) -> u32) {
        for (codes, domains) in self.tuples.iter_mut().zip(&self.domains) {
            for (number, domain) in codes.iter_mut().zip(domains.iter().cycle()) {
                *number = code(*domain, *number);
            }
        }
    }

    /// Code of a part of a key.
    ///
    /// # Panics
    /// For a part of which the rows have no code.
    #[must_use]
    pub(super) fn get(&self, key: &[u32; TUPLES], part: Part) -> u32 {
        let place = self.place(part);
        self.at(place, key[place.tuple])
    }

    /// Code of a part, by the number of a tuple of the kind that holds the part.
    ///
    /// # Panics
    /// For a part of which the rows have no code.
    #[must_use]
    pub(super) fn of(&self, part: Part, tuple: u32) -> u32 {
        self.at(self.place(part), tuple)
    }

    /// Codes of a key's product and SKU, by which usage is found for a line's scope.
    ///
    /// # Panics
    /// For rows that have no codes for them.
    #[must_use]
    pub(super) fn product_and_sku(&self, key: &[u32; TUPLES]) -> [u32; 2] {
        [Part::Product, Part::Sku].map(|part| self.get(key, part))
    }

    fn place(&self, part: Part) -> FieldPlace {
        self.places[part as usize].expect("the rows have codes for the part")
    }

    fn at(&self, place: FieldPlace, tuple: u32) -> u32 {
        let width = self.domains[place.tuple].len();
        self.tuples[place.tuple][tuple as usize * width + place.field]
    }
}

/// Codes of the tuples that are texts and nothing else: all but the state.
fn texts(
    builder: &mut VocabularyBuilder,
    partial: &Partial,
    tuple: Tuple,
    parts: &[&PartRow],
    add: &AddColumn,
) -> Vec<u32> {
    let tuple = tuple as usize;
    let columns = &partial.columns[partial.layout.start_of(tuple)..];
    let code_of: Vec<Option<Vec<u32>>> = parts
        .iter()
        .zip(columns)
        .map(|(row, column)| add(builder, row.part.domain(), column))
        .collect();
    let numbers = partial.tuples[tuple].numbers().iter();
    numbers
        .zip(code_of.iter().cycle())
        .map(|(text, code_of)| match code_of {
            Some(codes) => codes[*text as usize],
            None => NO_CODE,
        })
        .collect()
}

/// Codes of the state tuples: some of their texts, and the price adjustment that is made of others.
fn states(
    builder: &mut VocabularyBuilder,
    partial: &Partial,
    counted: Counted,
    parts: &[&PartRow],
) -> Vec<u32> {
    let adjustment = Adjustment::of(counted);
    // Field of each part's raw text; `None` for the adjustment and the promotion, which are made of
    // several texts.
    let fields: Vec<Option<usize>> = parts
        .iter()
        .map(|row| {
            let is_text = !matches!(row.origin(counted), Origin::Adjustment | Origin::Promotion);
            is_text.then(|| raw_place(counted, row.part).field)
        })
        .collect();
    // Tuple by tuple and not column by column: an adjustment is made of several texts of its tuple.
    let ids = partial.tuples[Tuple::State as usize].len();
    let mut codes = Vec::with_capacity(ids as usize * parts.len());
    for id in 0..ids {
        let raw: Vec<&str> = partial.fields(Tuple::State as usize, id).collect();
        codes.extend(parts.iter().zip(&fields).map(|(row, field)| match field {
            Some(field) => builder.add(row.part.domain(), raw[*field]),
            None => builder.add(row.part.domain(), &adjustment.text(row.part, &raw)),
        }));
    }
    codes
}

/// Fields of the raw state tuple that price adjustment and promotion are made of.
enum Adjustment {
    Usage([usize; 3]),
    Line([usize; 5]),
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
            Counted::Lines => Self::Line(
                [
                    Part::ChargeType,
                    Part::AdjustmentText,
                    Part::PromotionId,
                    Part::Price,
                    Part::UnitPrice,
                ]
                .map(field),
            ),
        }
    }

    /// Canonical text of one of the two parts.
    fn text(&self, part: Part, raw: &[&str]) -> String {
        match *self {
            Self::Usage([kind, earned, credit]) => {
                usage_adjustment(raw[kind], raw[earned], raw[credit])
            }
            Self::Line([charge_type, description, promotion_id, price, unit_price]) => {
                let discounts = LineDiscounts {
                    charge_type: raw[charge_type],
                    description: raw[description],
                    promotion_id: raw[promotion_id],
                    price: raw[price],
                    unit_price: raw[unit_price],
                };
                if part == Part::Promotion {
                    discounts.promotion()
                } else {
                    discounts.adjustment()
                }
            }
        }
    }
}

/// Adds all texts of a column.
fn add_all(
    builder: &mut VocabularyBuilder,
    domain: Domain,
    column: &KeyColumn,
) -> Option<Vec<u32>> {
    Some(builder.add_all(domain, column.texts().len(), |text| column.text(text)))
}

/// Adds the texts of a column whose domain is not local.
// One by one and not on all cores: the caller holds a lock that other work of the pool may wait
// for.
fn add_shared(
    builder: &mut VocabularyBuilder,
    domain: Domain,
    column: &KeyColumn,
) -> Option<Vec<u32>> {
    (!domain.is_local()).then(|| {
        (0..column.texts().len())
            .map(|text| builder.add(domain, column.text(text)))
            .collect()
    })
}
