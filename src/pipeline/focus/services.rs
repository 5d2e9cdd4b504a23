//! Services of Azure in the categories of FOCUS.
//!
//! The category is a function of the name of the service alone: FOCUS wants each name in one category.

/// Categories of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServiceClass {
    /// Category, of those that FOCUS has.
    pub(super) category: &'static str,
    /// Subcategory, which belongs to this category alone.
    pub(super) subcategory: &'static str,
}

/// Class of services that are not in the table.
const OTHER: ServiceClass = class("Other", "Other (Other)");

/// Names of services, as they stand in the meter category, and their class.
const SERVICES: [(&[&str], ServiceClass); 40] = [
    (
        &[
            "Virtual Machines",
            "Virtual Machines Licenses",
            "Virtual Machine Licenses",
            "Azure VMware Solution",
            "Dedicated Host",
            "Cloud Services",
        ],
        class("Compute", "Virtual Machines"),
    ),
    (&["Functions"], class("Compute", "Serverless Compute")),
    (
        &[
            "Container Instances",
            "Container Registry",
            "Azure Container Apps",
            "Azure Kubernetes Service",
            "Azure Red Hat OpenShift",
        ],
        class("Compute", "Containers"),
    ),
    (
        &["Azure Virtual Desktop", "Windows Virtual Desktop"],
        class("Compute", "End User Computing"),
    ),
    (
        &["Azure App Service", "App Service", "Azure Spring Apps"],
        class("Web", "Application Platforms"),
    ),
    (&["Storage"], class("Storage", "Storage Platforms")),
    (&["Backup"], class("Storage", "Backup Storage")),
    (
        &["Azure NetApp Files", "Azure File Sync"],
        class("Storage", "File Storage"),
    ),
    (&["Data Lake Store"], class("Storage", "Object Storage")),
    (
        &[
            "SQL Database",
            "SQL Managed Instance",
            "Azure Database for MySQL",
            "Azure Database for PostgreSQL",
            "Azure Database for MariaDB",
        ],
        class("Databases", "Relational Databases"),
    ),
    (&["Azure Cosmos DB"], class("Databases", "NoSQL Databases")),
    (
        &[
            "Redis Cache",
            "Azure Cache for Redis",
            "Azure Managed Redis",
        ],
        class("Databases", "Caching"),
    ),
    (
        &["Azure Synapse Analytics", "SQL Data Warehouse"],
        class("Databases", "Data Warehouses"),
    ),
    (
        &[
            "Bandwidth",
            "VPN Gateway",
            "ExpressRoute",
            "Virtual WAN",
            "NAT Gateway",
        ],
        class("Networking", "Network Connectivity"),
    ),
    (
        &["Virtual Network", "IP Addresses"],
        class("Networking", "Network Infrastructure"),
    ),
    (
        &["Azure DNS", "Traffic Manager"],
        class("Networking", "Network Routing"),
    ),
    (
        &["Load Balancer", "Application Gateway"],
        class("Networking", "Application Networking"),
    ),
    (
        &["Azure Front Door Service", "Content Delivery Network"],
        class("Networking", "Content Delivery"),
    ),
    (
        &[
            "Azure Firewall",
            "Azure DDOS Protection",
            "Azure Bastion",
            "Azure Firewall Manager",
        ],
        class("Networking", "Network Security"),
    ),
    (
        &[
            "Azure Monitor",
            "Log Analytics",
            "Application Insights",
            "Insight and Analytics",
        ],
        class("Management and Governance", "Observability"),
    ),
    (
        &["Automation", "Azure Policy", "Azure Arc-enabled servers"],
        class(
            "Management and Governance",
            "Other (Management and Governance)",
        ),
    ),
    (
        &["Azure Site Recovery"],
        class("Management and Governance", "Disaster Recovery"),
    ),
    (&["Key Vault"], class("Security", "Secret Management")),
    (
        &[
            "Microsoft Defender for Cloud",
            "Security Center",
            "Advanced Threat Protection",
            "Sentinel",
            "Microsoft Sentinel",
        ],
        class("Security", "Threat Detection and Response"),
    ),
    (
        &[
            "Microsoft Entra ID",
            "Azure Active Directory B2C",
            "Microsoft Entra Domain Services",
        ],
        class("Identity", "Identity and Access Management"),
    ),
    (
        &["Logic Apps", "Azure Data Factory", "Azure Data Factory v2"],
        class("Integration", "Workflow Orchestration"),
    ),
    (
        &["Service Bus", "Event Grid", "Notification Hubs"],
        class("Integration", "Messaging"),
    ),
    (&["API Management"], class("Integration", "API Management")),
    (
        &["Event Hubs", "Stream Analytics"],
        class("Analytics", "Streaming Analytics"),
    ),
    (
        &["Azure Databricks", "HDInsight", "Azure Analysis Services"],
        class("Analytics", "Data Processing"),
    ),
    (
        &["Power BI", "Power BI Embedded"],
        class("Analytics", "Business Intelligence"),
    ),
    (
        &["Microsoft Fabric"],
        class("Analytics", "Analytics Platforms"),
    ),
    (
        &["Azure Cognitive Search", "Azure AI Search"],
        class("Analytics", "Search"),
    ),
    (
        &[
            "Cognitive Services",
            "Azure AI Services",
            "Foundry Models",
            "Azure OpenAI",
        ],
        class("AI and Machine Learning", "AI Platforms"),
    ),
    (
        &["Azure Machine Learning"],
        class("AI and Machine Learning", "Machine Learning"),
    ),
    (
        &["Azure Bot Service"],
        class("AI and Machine Learning", "Bots"),
    ),
    (
        &["IoT Hub", "IoT Central", "Digital Twins"],
        class("Internet of Things", "IoT Platforms"),
    ),
    (
        &["Azure DevOps"],
        class("Developer Tools", "Continuous Integration and Deployment"),
    ),
    (
        &["Microsoft Dev Box", "Azure Lab Services"],
        class("Developer Tools", "Development Environments"),
    ),
    (&["Media Services"], class("Media", "Media Streaming")),
];

const fn class(category: &'static str, subcategory: &'static str) -> ServiceClass {
    ServiceClass {
        category,
        subcategory,
    }
}

impl ServiceClass {
    /// Class of a service, by its name in any case.
    pub(super) fn of(name: &str) -> Self {
        let is_it = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let found = SERVICES.iter().find(|(names, _)| is_it(names));
        found.map_or(OTHER, |(_, class)| *class)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Categories that FOCUS allows.
    const CATEGORIES: [&str; 19] = [
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Multicloud",
        "Networking",
        "Other",
        "Security",
        "Storage",
        "Web",
    ];

    #[test]
    fn a_name_stands_once_and_a_subcategory_has_one_category() {
        let mut names = BTreeMap::new();
        let mut parents = BTreeMap::new();
        for (of_class, class) in SERVICES {
            assert!(CATEGORIES.contains(&class.category), "{}", class.category);
            let parent = parents.entry(class.subcategory).or_insert(class.category);
            assert_eq!(*parent, class.category, "{}", class.subcategory);
            for name in of_class {
                assert_eq!(names.insert(name.to_lowercase(), class), None, "{name}");
            }
        }
    }

    #[test]
    fn services_are_found_in_any_case() {
        assert_eq!(ServiceClass::of("bandwidth").category, "Networking");
        assert_eq!(ServiceClass::of("Azure Quux"), OTHER);
    }
}
