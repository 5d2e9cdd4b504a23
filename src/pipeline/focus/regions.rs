//! Regions of Azure: id and display name, and the short names that bills have for them.

use std::borrow::Cow;

/// Region of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AzureRegion<'l> {
    /// Id, in lower case and without blanks.
    pub(super) id: Cow<'l, str>,
    /// Name for people; the text that came where the id is not known.
    pub(super) name: &'l str,
}

/// Texts that name no region, folded.
const NOWHERE: [&str; 8] = [
    "",
    "allregions",
    "any",
    "n/a",
    "na",
    "null",
    "unassigned",
    "unknown",
];

/// Ids and display names, sorted by id.
const REGIONS: [(&str, &str); 71] = [
    ("australiacentral", "Australia Central"),
    ("australiacentral2", "Australia Central 2"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("austriaeast", "Austria East"),
    ("belgiumcentral", "Belgium Central"),
    ("brazilsouth", "Brazil South"),
    ("brazilsoutheast", "Brazil Southeast"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("centralindia", "Central India"),
    ("centralus", "Central US"),
    ("chilecentral", "Chile Central"),
    ("chinaeast", "China East"),
    ("chinaeast2", "China East 2"),
    ("chinaeast3", "China East 3"),
    ("chinanorth", "China North"),
    ("chinanorth2", "China North 2"),
    ("chinanorth3", "China North 3"),
    ("denmarkeast", "Denmark East"),
    ("eastasia", "East Asia"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("francecentral", "France Central"),
    ("francesouth", "France South"),
    ("germanynorth", "Germany North"),
    ("germanywestcentral", "Germany West Central"),
    ("global", "Global"),
    ("indonesiacentral", "Indonesia Central"),
    ("israelcentral", "Israel Central"),
    ("italynorth", "Italy North"),
    ("japaneast", "Japan East"),
    ("japanwest", "Japan West"),
    ("jioindiacentral", "Jio India Central"),
    ("jioindiawest", "Jio India West"),
    ("koreacentral", "Korea Central"),
    ("koreasouth", "Korea South"),
    ("malaysiawest", "Malaysia West"),
    ("mexicocentral", "Mexico Central"),
    ("newzealandnorth", "New Zealand North"),
    ("northcentralus", "North Central US"),
    ("northeurope", "North Europe"),
    ("norwayeast", "Norway East"),
    ("norwaywest", "Norway West"),
    ("polandcentral", "Poland Central"),
    ("qatarcentral", "Qatar Central"),
    ("southafricanorth", "South Africa North"),
    ("southafricawest", "South Africa West"),
    ("southcentralus", "South Central US"),
    ("southeastasia", "Southeast Asia"),
    ("southindia", "South India"),
    ("spaincentral", "Spain Central"),
    ("swedencentral", "Sweden Central"),
    ("swedensouth", "Sweden South"),
    ("switzerlandnorth", "Switzerland North"),
    ("switzerlandwest", "Switzerland West"),
    ("uaecentral", "UAE Central"),
    ("uaenorth", "UAE North"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("usdodcentral", "USDoD Central"),
    ("usdodeast", "USDoD East"),
    ("usgovarizona", "USGov Arizona"),
    ("usgovtexas", "USGov Texas"),
    ("usgovvirginia", "USGov Virginia"),
    ("westcentralus", "West Central US"),
    ("westeurope", "West Europe"),
    ("westindia", "West India"),
    ("westus", "West US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
];

/// Names by which bills call some regions, folded, sorted, and their ids.
const SHORT_NAMES: [(&str, &str); 47] = [
    ("apeast", "eastasia"),
    ("apsoutheast", "southeastasia"),
    ("aucentral", "australiacentral"),
    ("aucentral2", "australiacentral2"),
    ("aueast", "australiaeast"),
    ("ausoutheast", "australiasoutheast"),
    ("brsouth", "brazilsouth"),
    ("brsoutheast", "brazilsoutheast"),
    ("cacentral", "canadacentral"),
    ("caeast", "canadaeast"),
    ("chnorth", "switzerlandnorth"),
    ("chwest", "switzerlandwest"),
    ("denorth", "germanynorth"),
    ("dewestcentral", "germanywestcentral"),
    ("eunorth", "northeurope"),
    ("euwest", "westeurope"),
    ("frcentral", "francecentral"),
    ("frsouth", "francesouth"),
    ("ilcentral", "israelcentral"),
    ("incentral", "centralindia"),
    ("insouth", "southindia"),
    ("inwest", "westindia"),
    ("itnorth", "italynorth"),
    ("jaeast", "japaneast"),
    ("jawest", "japanwest"),
    ("krcentral", "koreacentral"),
    ("krsouth", "koreasouth"),
    ("noeast", "norwayeast"),
    ("nowest", "norwaywest"),
    ("plcentral", "polandcentral"),
    ("qacentral", "qatarcentral"),
    ("secentral", "swedencentral"),
    ("sesouth", "swedensouth"),
    ("spcentral", "spaincentral"),
    ("uscentral", "centralus"),
    ("useast", "eastus"),
    ("useast2", "eastus2"),
    ("usnorth", "northcentralus"),
    ("usnorthcentral", "northcentralus"),
    ("ussouth", "southcentralus"),
    ("ussouthcentral", "southcentralus"),
    ("uswest", "westus"),
    ("uswest2", "westus2"),
    ("uswest3", "westus3"),
    ("uswestcentral", "westcentralus"),
    ("zanorth", "southafricanorth"),
    ("zawest", "southafricawest"),
];

impl<'l> AzureRegion<'l> {
    /// Region of a location as it came; `None` where it names none.
    pub(super) fn of(location: &'l str) -> Option<Self> {
        let blank = char::is_whitespace;
        let key = location.replace(blank, "").to_lowercase();
        if NOWHERE.contains(&key.as_str()) {
            return None;
        }
        let id = found(&SHORT_NAMES, &key).unwrap_or(&key);
        Some(match REGIONS.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => Self {
                id: Cow::Borrowed(REGIONS[at].0),
                name: REGIONS[at].1,
            },
            Err(_) => Self {
                id: Cow::Owned(key),
                name: location.trim(),
            },
        })
    }
}

fn found(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    let at = table.binary_search_by_key(&key, |(key, _)| *key).ok()?;
    Some(table[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_every_name() {
        assert!(REGIONS.is_sorted() && SHORT_NAMES.is_sorted());
        for (short, id) in SHORT_NAMES {
            assert!(found(&REGIONS, id).is_some(), "{short} is {id}");
        }
        for (location, id, name) in [
            ("EUWEST", "westeurope", "West Europe"),
            ("westeurope", "westeurope", "West Europe"),
            ("EU West", "westeurope", "West Europe"),
            ("East US 2", "eastus2", "East US 2"),
            ("Global", "global", "Global"),
            ("Moon Base", "moonbase", "Moon Base"),
        ] {
            let region = AzureRegion::of(location).unwrap();
            assert_eq!((&*region.id, region.name), (id, name));
        }
        for location in ["", " ", "Unassigned", "N/A", "All Regions"] {
            assert_eq!(AzureRegion::of(location), None);
        }
    }
}
