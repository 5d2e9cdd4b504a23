//! Resources by their ids: name, type and Azure subscription of an ARM id, and what stands in for them
//! where an id is none.

/// Parts of an ARM id; borrowed from it, and in the case that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourceParts<'i> {
    /// Last segment of the id.
    pub(super) name: &'i str,
    /// Provider and types, as `microsoft.sql/servers/databases`; `None` for an id of another kind.
    pub(super) resource_type: Option<String>,
    /// Id of the Azure subscription; `None` where it is no GUID.
    pub(super) subscription: Option<&'i str>,
}

/// Type of an id that ends with its resource group.
const RESOURCE_GROUP: &str = "microsoft.resources/resourcegroups";
/// Length of a GUID with its hyphens.
const GUID_LENGTH: usize = 36;

impl<'i> ResourceParts<'i> {
    /// The parts of an id in lower case, which is not empty.
    pub(super) fn of(id: &'i str) -> Self {
        let path = id.trim_end_matches('/');
        let name = path.rsplit('/').next().unwrap_or(path);
        let below = path.strip_prefix("/subscriptions/");
        let subscription = below.and_then(|below| below.split('/').next());
        Self {
            name,
            resource_type: type_of(path),
            subscription: subscription.filter(|text| is_guid(text)),
        }
    }
}

/// Type behind the last provider: a resource may extend one of another provider.
fn type_of(path: &str) -> Option<String> {
    let Some((_, below)) = path.rsplit_once("/providers/") else {
        let segments: Vec<&str> = path.split('/').collect();
        let is_group = matches!(segments[..], ["", "subscriptions", _, "resourcegroups", _]);
        return is_group.then(|| RESOURCE_GROUP.to_owned());
    };
    let mut segments = below.split('/');
    let provider = segments.next()?;
    let types: Vec<&str> = segments.step_by(2).collect();
    let is_whole = !provider.is_empty() && !types.is_empty() && !types.contains(&"");
    is_whole.then(|| format!("{provider}/{}", types.join("/")))
}

fn is_guid(text: &str) -> bool {
    text.len() == GUID_LENGTH
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names_types_and_subscriptions() {
        let group = "/subscriptions/66bada28-271e-4b7a-aaf5-c0ead6312345/resourcegroups/rg";
        let check = |below: &str, name: &str, wanted: Option<&str>| {
            let id = format!("{group}{below}");
            let parts = ResourceParts::of(&id);
            assert_eq!((parts.name, parts.resource_type.as_deref()), (name, wanted));
            assert_eq!(parts.subscription, Some(&group[15..51]));
        };
        check("", "rg", Some(RESOURCE_GROUP));
        check(
            "/providers/microsoft.compute/virtualmachines/a",
            "a",
            Some("microsoft.compute/virtualmachines"),
        );
        check(
            "/providers/microsoft.sql/servers/s/databases/d/",
            "d",
            Some("microsoft.sql/servers/databases"),
        );
        check(
            "/providers/microsoft.compute/disks/d/providers/microsoft.x/locks/l",
            "l",
            Some("microsoft.x/locks"),
        );
        let other = ResourceParts::of("fw-appliance-7");
        assert_eq!((other.name, other.resource_type), ("fw-appliance-7", None));
        assert_eq!(other.subscription, None);
    }
}
