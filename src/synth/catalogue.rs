//! The price list: 400 meters, each with its product, SKU, availability, unit and price.
//!
//! The list holds what makes matching hard: SKUs that share a product, meters that share a SKU, ids
//! that are words, SKU ids that lose their zeros ([quirks](crate::model::domain::quirks), daily
//! rated usage 8 and 9).

use super::number::number;
use super::random::Random;

/// Number of meters in the price list.
pub(super) const METERS: usize = 400;
/// Decimals of a list price ([`Meter::unit_price`]).
pub(super) const PRICE_SCALE: u32 = 10;
/// Decimals of an effective unit price before the month closes: 0.85 adds two.
pub(super) const EFFECTIVE_SCALE: u32 = 12;

/// Azure service that a family of meters belongs to.
pub(super) struct Service {
    pub(super) category: &'static str,
    pub(super) sub_category: &'static str,
    pub(super) provider: &'static str,
    pub(super) resource_type: &'static str,
    pub(super) name_prefix: &'static str,
    pub(super) unit: &'static str,
    /// Members of AdditionalInfo, without braces.
    pub(super) additional_info: &'static str,
}

const fn service(names: [&'static str; 7]) -> Service {
    let [
        category,
        sub_category,
        provider,
        resource_type,
        name_prefix,
        unit,
        additional_info,
    ] = names;
    Service {
        category,
        sub_category,
        provider,
        resource_type,
        name_prefix,
        unit,
        additional_info,
    }
}

/// Services among which the products are dealt in turn.
pub(super) const SERVICES: [Service; 12] = [
    service([
        "Virtual Machines",
        "Dsv5 Series",
        "Microsoft.Compute",
        "virtualMachines",
        "vm",
        "1 Hour",
        concat!(
            r#""ImageType":"Canonical","ServiceType":"Standard_D4s_v5","VMName":null,"#,
            r#""VCPUs":4,"UsageType":"ComputeHR""#
        ),
    ]),
    service([
        "Storage",
        // A no-break space, as in real names of meters' sub-categories: model::domain::quirks,
        // daily rated usage 13.
        "Premium\u{a0}SSD Managed Disks",
        "Microsoft.Compute",
        "disks",
        "disk",
        "1/Month",
        r#""DiskType":"Premium_LRS","SizeGB":256,"UsageType":"DiskSize""#,
    ]),
    service([
        "Storage",
        "Tables",
        "Microsoft.Storage",
        "storageAccounts",
        "st",
        "10K",
        r#""Redundancy":"LRS","Kind":"StorageV2","UsageType":"TableTransactions""#,
    ]),
    service([
        "Bandwidth",
        "Inter-Region",
        "Microsoft.Network",
        "publicIPAddresses",
        "pip",
        "1 GB",
        r#""RoutingPreference":"Microsoft","UsageType":"DataTrOut""#,
    ]),
    service([
        "Azure App Service",
        "Premium v3 Plan",
        "Microsoft.Web",
        "serverfarms",
        "asp",
        // Spelt apart from `1 Hour` on purpose: model::domain::quirks, daily rated usage 13.
        "1 hour",
        r#""ServiceType":"P1v3","NumberOfCores":2,"UsageType":"ComputeHR""#,
    ]),
    service([
        "SQL Database",
        "Single/Elastic Pool General Purpose",
        "Microsoft.Sql",
        "servers",
        "sql",
        "1 Hour",
        r#""Tier":"GeneralPurpose","VCores":4,"ConsumptionMeter":"vCore""#,
    ]),
    service([
        "Log Analytics",
        "Analytics Logs",
        "Microsoft.OperationalInsights",
        "workspaces",
        "log",
        "1 GB",
        r#""DataType":"Perf","Plan":"Analytics""#,
    ]),
    service([
        "Key Vault",
        "Operations",
        "Microsoft.KeyVault",
        "vaults",
        "kv",
        "10K",
        r#""Operation":"GetSecret","Sku":"Standard""#,
    ]),
    service([
        "Virtual Machine Licenses",
        "SUSE Linux, Priority",
        "Microsoft.Compute",
        "virtualMachines",
        "vm",
        "1 Hour",
        r#""ImageType":"SUSE","ServiceType":"Standard_E8s_v5","UsageType":"ComputeHR_SW""#,
    ]),
    service([
        "Azure Kubernetes Service",
        "Uptime SLA",
        "Microsoft.ContainerService",
        "managedClusters",
        "aks",
        "1 Hour",
        r#""Nodes":6,"Tier":"Standard","UsageType":"UptimeSLA""#,
    ]),
    service([
        "Container Registry",
        "Registry Unit",
        "Microsoft.ContainerRegistry",
        "registries",
        "acr",
        "1/Day",
        r#""Sku":"Premium","Replications":2"#,
    ]),
    service([
        "Azure Monitor",
        "Alerts",
        "Microsoft.Insights",
        "scheduledQueryRules",
        "alert",
        "1",
        r#""Signal":"Log","FrequencyMinutes":5"#,
    ]),
];

/// Regions as meters and as resources spell them.
const REGIONS: [(&str, &str); 6] = [
    ("EU West", "westeurope"),
    ("EU North", "northeurope"),
    ("DE West Central", "germanywestcentral"),
    ("US East 2", "eastus2"),
    ("JA East", "japaneast"),
    ("", "global"),
];
const VARIANTS: [&str; 3] = ["Standard", "LRS", "Burst"];
/// Meter ids of marketplace meters, which are no GUIDs.
const WORD_METER_IDS: [&str; 5] = [
    "8core",
    "storage_gb_hours",
    "concurrent_public_ips",
    "1core",
    "4core",
];
/// Characters of Microsoft's product and availability ids.
const ALPHABET: &[u8; 32] = b"0123456789BCDFGHJKLMNPQRSTVWXYZ0";

/// Meter of the price list.
pub(super) struct Meter {
    /// Position in the list, which is its rank by use.
    pub(super) rank: u64,
    /// Position of its product; a product has up to three meters.
    pub(super) product: usize,
    pub(super) service: &'static Service,
    pub(super) product_id: String,
    pub(super) product_name: String,
    /// SKU id of four characters.
    pub(super) sku_id: String,
    /// SKU id as a spreadsheet leaves it: a numeric one without its zeros.
    pub(super) short_sku_id: String,
    pub(super) sku_name: String,
    /// Another SKU of the product, which this meter is never used under.
    pub(super) other_sku_id: String,
    pub(super) availability_id: String,
    pub(super) meter_id: String,
    pub(super) meter_name: String,
    /// Name that no meter has any more.
    pub(super) former_name: String,
    pub(super) meter_type: String,
    pub(super) region: &'static str,
    pub(super) location: &'static str,
    pub(super) publisher: &'static str,
    /// List price in USD, units of 10^-10.
    pub(super) unit_price: i128,
    pub(super) unit_price_text: String,
    /// List price less the partner earned credit: 0.85 of it.
    pub(super) earned_price_text: String,
    /// Usual cost of a day at list price, in millionths of USD.
    pub(super) cost_micro: u64,
    /// True if only whole units are metered.
    pub(super) whole_units: bool,
    /// True if the partner earned credit is never given.
    pub(super) never_earns: bool,
    /// True if the first days of the month are a free grant.
    pub(super) grants: bool,
}

/// Price list of a seed, the most used meters first.
pub(super) fn catalogue(seed: u64) -> Vec<Meter> {
    (0..METERS).map(|index| meter(seed, index)).collect()
}

fn meter(seed: u64, index: usize) -> Meter {
    let mut random = Random::of(seed, &[1, index as u64]);
    let (product, slot) = (index / 3, index % 3);
    let service = &SERVICES[product % SERVICES.len()];
    // Of each fifth product two meters share the SKU, and only the meter's name tells them apart.
    let sku_slot = if product % 5 == 4 { slot.min(1) } else { slot };
    // The products of one service are dealt to the regions in turn.
    let (region, location) = REGIONS[product / SERVICES.len() % REGIONS.len()];
    // Licences come from the marketplace: another publisher, ids that are words, never any credit.
    let marketplace = service.category == "Virtual Machine Licenses";
    let (other_sku_id, sku_id) = (
        sku_id(product, (sku_slot + 1) % 3),
        sku_id(product, sku_slot),
    );
    let (unit_price, cost_micro) = price(&mut random);
    let guid = random.guid();
    let size = 2_u32 << (index % 7);
    let place = if region.is_empty() {
        String::new()
    } else {
        format!(" - {region}")
    };
    let meter_name = format!(
        "{} {size} {}{place}",
        VARIANTS[slot],
        service.name_prefix.to_uppercase()
    );
    Meter {
        rank: index as u64,
        product,
        service,
        // The stride has no factor in common with 31, so that no two products get one code although
        // the numbers run past its four digits, nor any two availabilities below.
        product_id: format!("DZH318Z0{}", code(product * 7_919 + 40_961)),
        product_name: format!(
            "{} {}{place}",
            service.category,
            service.sub_category.replace('\u{a0}', " ")
        ),
        short_sku_id: shorten(&sku_id),
        sku_id,
        other_sku_id,
        sku_name: format!("{} - {}", service.category, VARIANTS[sku_slot]),
        availability_id: format!(
            "DZH318Z0{}",
            code((product * 3 + sku_slot) * 6_151 + 77_003)
        ),
        // The GUID is drawn in any case, or all later numbers of the sequence would be others.
        meter_id: if marketplace {
            WORD_METER_IDS[index % WORD_METER_IDS.len()].to_owned()
        } else {
            guid
        },
        former_name: format!("{meter_name} (retired)"),
        meter_name,
        meter_type: format!("{} - {} {}", service.unit, service.category, VARIANTS[slot]),
        region,
        location,
        publisher: if marketplace { "SUSE" } else { "Microsoft" },
        unit_price,
        unit_price_text: number(unit_price, PRICE_SCALE),
        earned_price_text: number(unit_price * 85, EFFECTIVE_SCALE),
        cost_micro,
        whole_units: index % 9 == 4,
        // Some of Microsoft's own meters earn nothing either, so that the credit is no mark of who
        // sells.
        never_earns: marketplace || index % 17 == 11,
        grants: index % 13 == 5,
    }
}

/// SKU id of four characters: numeric in every other product, with a letter in the rest.
fn sku_id(product: usize, sku_slot: usize) -> String {
    if product.is_multiple_of(2) {
        format!("{:04}", product % 40 + sku_slot + 1)
    } else {
        format!("00{}{}", product % 10, ["B", "J", "G"][sku_slot])
    }
}

/// SKU id as a spreadsheet leaves it.
fn shorten(sku_id: &str) -> String {
    if sku_id.bytes().all(|byte| byte.is_ascii_digit()) {
        sku_id.trim_start_matches('0').to_owned()
    } else {
        sku_id.to_owned()
    }
}

/// List price of two to seven significant digits, in units of 10^-10 USD, and the usual cost of a
/// day in millionths of USD.
fn price(random: &mut Random) -> (i128, u64) {
    let places = u32::try_from(5 + random.below(6)).expect("at most 10");
    let tenth = 10_u64.pow(places - 1);
    let tail = if random.once_in(2) {
        random.below(tenth)
    } else {
        0
    };
    let unit_price = i128::from(tenth) * i128::from(10 + random.below(89)) + i128::from(tail);
    // The larger scales stand twice, so that more groups cost enough to carry a plant.
    let scale = [
        10, 100, 1_000, 10_000, 100_000, 100_000, 1_000_000, 1_000_000,
    ][random.index(8)];
    (
        unit_price,
        scale * (1 + random.below(9)) + random.below(scale),
    )
}

/// Four characters that stand for a number, as in `DZH318Z0BQPM`.
fn code(number: usize) -> String {
    (0..4)
        .rev()
        // Base 31, as the alphabet's last character repeats its first.
        .map(|place| char::from(ALPHABET[number / 31_usize.pow(place) % 31]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_meter_is_found_by_product_sku_availability_and_name() {
        let meters = catalogue(7);
        let keys: BTreeSet<_> = meters
            .iter()
            .map(|m| (&m.product_id, &m.sku_id, &m.availability_id, &m.meter_name))
            .collect();
        assert_eq!(keys.len(), METERS);
        let products: BTreeSet<_> = meters.iter().map(|m| &m.product_id).collect();
        assert_eq!(products.len(), METERS.div_ceil(3));
        assert!(
            meters
                .iter()
                .all(|m| m.unit_price > 0 && m.sku_id.len() == 4)
        );
        assert!(meters.iter().any(|m| m.short_sku_id.len() < 4));
    }
}
