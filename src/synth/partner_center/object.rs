//! JSON objects from texts, so that no number passes through a float, and members keep their order.

use crate::synth::write::push_json_text;

/// JSON object in the making.
pub(super) struct Object(String);

impl Object {
    /// Object without any member.
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

    /// Object with one more member, a text.
    pub(super) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_json_text(&mut self.0, value);
        self
    }

    /// Object with one more member, whose value is JSON already.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key);
        self.0.push_str(json);
        self
    }

    /// Text of the object.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    /// Text of the object, with Partner Center's mark of what it is.
    pub(super) fn of_type(self, object_type: &str) -> String {
        let mark = Self::new().text("objectType", object_type).end();
        self.raw("attributes", &mark).end()
    }
}
