//! What the partner sells: meters of Azure, licences, and the meters of classic Azure.
//!
//! Ids are made up in Microsoft's forms: twelve characters for a product, four for a SKU.

use super::exact::Exact;

/// A meter of an Azure plan.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) product_id: &'static str,
    pub(super) sku_id: &'static str,
    pub(super) availability_id: &'static str,
    pub(super) product: &'static str,
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) sub_category: &'static str,
    pub(super) region: &'static str,
    pub(super) unit: &'static str,
    /// List price in US dollars for one unit.
    pub(super) price: Exact,
    /// Largest quantity of a day, in whole units.
    pub(super) most: u64,
    /// Provider and type of the resources that emit it.
    pub(super) resource: (&'static str, &'static str),
    pub(super) terms: Terms,
}

/// What a meter costs the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    /// List price less 15 % partner earned credit.
    Earned,
    /// The list price, as for spot machines (semantics §5).
    List,
    /// Nothing: a grant, with a list price all the same (quirks, daily rated usage 10).
    Granted,
}

macro_rules! meter {
    ($product_id:literal $sku_id:literal $availability_id:literal, $product:literal, $sku:literal,
     $name:literal, $category:literal, $sub:literal, $region:literal, $unit:literal,
     $price:literal e $scale:literal, $most:literal, $provider:literal $kind:literal, $terms:ident) => {
        Meter {
            product_id: $product_id,
            sku_id: $sku_id,
            availability_id: $availability_id,
            product: $product,
            sku: $sku,
            name: $name,
            category: $category,
            sub_category: $sub,
            region: $region,
            unit: $unit,
            price: Exact::new($price, $scale),
            most: $most,
            resource: ($provider, $kind),
            terms: Terms::$terms,
        }
    };
}

/// Meters of Azure plans.
pub(super) const METERS: [Meter; 10] = [
    meter!("DZH318Q0B0M1" "00K1" "DZH318Q0B9A1", "Virtual Machines Dsv5 Series",
        "D2s v5 - EU West", "D2s v5", "Virtual Machines", "Dsv5 Series", "EU West", "1 Hour",
        115 e 3, 24, "Microsoft.Compute" "virtualMachines", Earned),
    meter!("DZH318Q0B0M1" "00K2" "DZH318Q0B9A2", "Virtual Machines Dsv5 Series",
        "D4s v5 - EU West", "D4s v5", "Virtual Machines", "Dsv5 Series", "EU West", "1 Hour",
        230 e 3, 24, "Microsoft.Compute" "virtualMachines", Earned),
    meter!("DZH318Q0B0M2" "0021" "DZH318Q0B9B1", "Virtual Machines Dsv5 Series",
        "D2s v5 Spot - EU West", "D2s v5 Spot", "Virtual Machines", "Dsv5 Series", "EU West",
        "1 Hour", 23 e 3, 24, "Microsoft.Compute" "virtualMachines", List),
    meter!("DZH318Q0B0N5" "006G" "DZH318Q0B8S1", "Tables", "Tables - LRS", "LRS Data Stored",
        "Storage", "Tables", "EU West", "1 GB/Month", 45 e 3, 40,
        "Microsoft.Storage" "storageAccounts", Earned),
    meter!("DZH318Q0B0N6" "007H" "DZH318Q0B8S2", "Standard Page Blob v2", "Standard Page Blob v2",
        "Disk Operations", "Storage", "Standard Page Blob v2", "EU West", "10K", 36 e 4, 900,
        "Microsoft.Storage" "storageAccounts", Earned),
    meter!("DZH318Q0B0NV" "005J" "DZH318Q0B8T1", "Bandwidth", "Data Transfer Out - Zone 1",
        "Standard Data Transfer Out", "Bandwidth", "Bandwidth", "Zone 1", "1 GB", 87 e 3, 60,
        "Microsoft.Network" "publicIPAddresses", Earned),
    meter!("DZH318Q0B0NV" "005K" "DZH318Q0B8T2", "Bandwidth", "Data Transfer In - Zone 1",
        "Standard Data Transfer In", "Bandwidth", "Bandwidth", "Zone 1", "1 GB", 1 e 2, 90,
        "Microsoft.Network" "publicIPAddresses", Granted),
    meter!("DZH318Q0B0P7" "001D" "DZH318Q0B8U1", "SQL Database Single Standard",
        "S3 DTUs - EU West", "S3 DTUs", "SQL Database", "Single Standard", "EU West", "1/Day",
        49_392 e 4, 1, "Microsoft.Sql" "servers", Earned),
    meter!("DZH318Q0B0P8" "000B" "DZH318Q0B8U2", "Key Vault", "Operations", "Operations",
        "Key Vault", "Key Vault", "", "10K", 3 e 2, 12, "Microsoft.KeyVault" "vaults", Earned),
    meter!("DZH318Q0B0P9" "0003" "DZH318Q0B8U3", "Log Analytics", "Pay-as-you-go",
        "Pay-as-you-go Data Ingestion", "Log Analytics", "Log Analytics", "EU West", "1 GB",
        276 e 2, 8, "Microsoft.OperationalInsights" "workspaces", Earned),
];

/// A licence of the new commerce.
#[derive(Debug)]
pub(super) struct Licence {
    pub(super) product_id: &'static str,
    pub(super) sku_id: &'static str,
    pub(super) availability_id: &'static str,
    pub(super) name: &'static str,
    /// Price of a seat and month in the billing currency.
    pub(super) price: Exact,
}

/// Licences of the new commerce.
pub(super) const LICENCES: [Licence; 4] = [
    Licence {
        product_id: "CFQ7TTQ0LH0R",
        sku_id: "0002",
        availability_id: "CFQ7TTQ0K5RQ",
        name: "Microsoft 365 Business Standard",
        price: Exact::new(1_006, 2),
    },
    Licence {
        product_id: "CFQ7TTQ0HL8W",
        sku_id: "0001",
        availability_id: "CFQ7TTQ0K59S",
        name: "Power BI Premium Per User",
        price: Exact::new(1_632, 2),
    },
    Licence {
        product_id: "CFQ7TTQ0LF8R",
        sku_id: "0003",
        availability_id: "CFQ7TTQ0K18P",
        name: "Office 365 E3",
        price: Exact::new(1_856, 2),
    },
    Licence {
        product_id: "CFQ7TTQ0LHWP",
        sku_id: "0001",
        availability_id: "CFQ7TTQ0KPNQ",
        name: "Exchange Online (Plan 1)",
        price: Exact::new(323, 2),
    },
];

/// A meter of classic Azure (MS-AZR-0145P).
#[derive(Debug)]
pub(super) struct ClassicMeter {
    /// GUID of the meter, lower case.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) service: &'static str,
    pub(super) kind: &'static str,
    pub(super) unit: &'static str,
    pub(super) sku: &'static str,
    /// Rate in the currency of the rate card.
    pub(super) price: Exact,
}

/// Meters of classic Azure.
pub(super) const CLASSIC_METERS: [ClassicMeter; 3] = [
    ClassicMeter {
        id: "505db374-0f8a-44df-9d8c-13c14b61dee1",
        name: "S1",
        service: "Azure App Service",
        kind: "Standard Plan",
        unit: "1 Hour",
        sku: "7UD-00001",
        price: Exact::new(85, 3),
    },
    ClassicMeter {
        id: "d23a5753-0f85-4ddf-af28-8cc5cf2d3882",
        name: "LRS Data Stored",
        service: "Storage",
        kind: "Standard Page Blob",
        unit: "1 GB/Month",
        sku: "7UD-00001",
        price: Exact::new(383, 4),
    },
    ClassicMeter {
        id: "62c64b6c-0033-4e20-ab33-9e81271ac12a",
        name: "D1/DS1",
        service: "Virtual Machines",
        kind: "D/DS Series Windows",
        unit: "1 Hour",
        sku: "7UD-00001",
        price: Exact::new(14, 2),
    },
];
