//! Lines for products that never appear in usage: reservations, savings plans, seats, perpetual
//! software, marketplace subscriptions ([semantics §11](crate::model::domain::semantics), point 1).

use super::lines::{Amount, Line, LineProduct, Sale, line};
use super::number::number;
use super::partner::{Customer, Partner, RATE_SCALE};
use super::random::Random;
use crate::model::dataset::{INVOICE_LINES, position};

/// Kind of product that never appears in usage, with the marks by which a line of it is known.
struct ProductKind {
    /// Product, SKU and availability.
    ids: [&'static str; 3],
    name: &'static str,
    publisher: &'static str,
    category: &'static str,
    charge_type: &'static str,
    /// True if SubscriptionDescription is the product's name.
    described: bool,
    term: &'static str,
    frequency: &'static str,
    /// True if the line names a reservation order.
    reserved: bool,
    /// True if the line has no end date.
    endless: bool,
}

const KINDS: [ProductKind; 5] = [
    ProductKind {
        ids: ["DZH318Z0ARV1", "003K", "DZH318Z0ARA1"],
        name: "Reserved VM Instance, Standard_D2s_v5, EU West, 1 Year",
        publisher: "Microsoft",
        category: "Azure Reservation",
        charge_type: "new",
        described: false,
        // The first words of a term are the documented hint to its category:
        // model::domain::semantics §9.
        term: "Reservation 1 Year, monthly billing",
        frequency: "Monthly",
        reserved: true,
        endless: false,
    },
    ProductKind {
        ids: ["DZH318Z0ASP1", "0002", "DZH318Z0ASA1"],
        name: "Compute Savings Plan, 3 Years",
        publisher: "Microsoft",
        category: "Azure Savings Plan",
        charge_type: "cycleCharge",
        described: false,
        term: "Savings Plan 3 Years, monthly billing",
        frequency: "Monthly",
        reserved: true,
        endless: false,
    },
    ProductKind {
        ids: ["CFQ7TTC0LDPB", "0001", "CFQ7TTC0K59A"],
        name: "Microsoft 365 Business Standard",
        publisher: "Microsoft Corporation",
        category: "Online Services",
        charge_type: "cycleCharge",
        described: true,
        term: "One-Year commitment for monthly/yearly billing",
        frequency: "Monthly",
        reserved: false,
        endless: false,
    },
    ProductKind {
        ids: ["DG7GMGF0D5RK", "0004", "DG7GMGF0D5SA"],
        name: "Windows Server 2022 Standard - 16 Core License Pack",
        publisher: "Microsoft Corporation",
        category: "Perpetual Software",
        charge_type: "new",
        described: false,
        // Blank, and no end date: the marks of perpetual software (model::domain::semantics §9).
        term: "",
        frequency: "",
        reserved: false,
        endless: true,
    },
    ProductKind {
        ids: ["DZH318Z0AMP1", "0007", "DZH318Z0AMA1"],
        name: "Veridian Backup, Business",
        publisher: "Veridian Software, Inc.",
        category: "SaaS",
        charge_type: "new",
        described: true,
        term: "Subscription 1 Month, monthly billing",
        frequency: "Monthly",
        reserved: false,
        endless: false,
    },
];

/// Line outside usage, with the keys of its truth.
pub(super) struct Elsewhere {
    pub(super) line: Line,
    pub(super) subscription_id: String,
    pub(super) ids: [&'static str; 3],
    /// Subtotal in cents of the billing currency.
    pub(super) subtotal: i128,
}

/// Number of kinds of such lines.
pub(super) const COUNT: usize = KINDS.len();
/// Number of the kind that is sold by seats.
pub(super) const SEATS: usize = 2;

/// Line of kind number `kind` for a customer; `at` tells lines of one kind apart.
pub(super) fn elsewhere(partner: &Partner, customer: &Customer, kind: usize, at: u64) -> Elsewhere {
    let mut random = Random::of(partner.seed, &[8, kind as u64, at]);
    let kind = &KINDS[kind];
    let subscription_id = random.guid();
    let reservation = if kind.reserved {
        random.guid()
    } else {
        String::new()
    };
    // A reservation is bought once; seats and licences by number.
    let seats = if kind.reserved {
        1
    } else {
        1 + i128::from(random.below(60))
    };
    let cents = i128::from(900 + random.below(30_000));
    let price = number(cents, 2);
    // Seats are truncated by the unit, usage by the line: model::domain::semantics §3.
    let subtotal = cents * customer.invoice.rate / 10_i128.pow(RATE_SCALE) * seats;
    let count = seats.to_string();
    let [product_id, sku_id, availability_id] = kind.ids;
    let product = LineProduct {
        product_id,
        sku_id,
        availability_id,
        sku_name: kind.name,
        product_name: kind.name,
        publisher: kind.publisher,
        unit: "",
        unit_price: &price,
        meter_description: "",
        category: kind.category,
    };
    let sale = Sale {
        subscription_description: if kind.described { kind.name } else { "" },
        subscription_id: &subscription_id,
        charge_type: kind.charge_type,
        term: kind.term,
        frequency: kind.frequency,
        reservation_order_id: &reservation,
        endless: kind.endless,
        seats: &count,
        ..Sale::default()
    };
    let amount = Amount {
        price: price.clone(),
        quantity: count.clone(),
        rate: customer.invoice.rate,
        subtotal,
    };
    let line = line(partner, customer, &product, &sale, &amount, &mut random);
    Elsewhere {
        line,
        subscription_id,
        ids: kind.ids,
        subtotal,
    }
}

impl Elsewhere {
    /// Line that takes this one back: the same quantity at the opposite price.
    pub(super) fn reversed(mut self) -> Self {
        for name in ["EffectiveUnitPrice", "Subtotal", "TaxTotal", "Total"] {
            self.line.cells[position(INVOICE_LINES, name)].insert(0, '-');
        }
        self.subtotal = -self.subtotal;
        self.line.total = -self.line.total;
        self.line.tax = -self.line.tax;
        self
    }
}
