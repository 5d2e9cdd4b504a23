//! Values for the placeholders of an endpoint: the customer, invoice, currency and so on for which
//! a unit is fetched.

/// Names and values, in the order in which they appear in a unit's id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(Vec<(&'static str, String)>);

impl Context {
    /// This context with one more value at its end.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    /// The value with a name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Names and values in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// A template with each `{name}` replaced by its value; unknown names stay as they are.
    pub(crate) fn fill(&self, template: &str) -> String {
        self.iter()
            .fold(template.to_owned(), |text, (name, value)| {
                // Values are not escaped here: whoever builds the address escapes each step.
                text.replace(&format!("{{{name}}}"), value)
            })
    }
}
