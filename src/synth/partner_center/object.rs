//! JSON objects from texts, so that no number passes through a float.

use crate::synth::write::push_json_text;

/// An object in the making.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_json_text(&mut self.0, key);
        self.0.push(':');
    }

    /// A text field.
    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_json_text(&mut self.0, value);
        self
    }

    /// A field whose value is JSON already.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key);
        self.0.push_str(json);
        self
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// Ends with Partner Center's mark of what the object is.
    pub(super) fn of_type(self, object_type: &str) -> String {
        let mark = Self::new().text("objectType", object_type).end();
        self.raw("attributes", &mark).end()
    }
}
