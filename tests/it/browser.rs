//! Fixture: a headless Chromium, spoken to in its DevTools protocol over a pipe: JSON messages, each
//! ended by a zero byte.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Names of the browser, as Debian and Google have it.
const NAMES: [&str; 3] = ["chromium", "google-chrome", "chromium-browser"];

/// Longest wait for one answer of the browser, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// The protocol wants its pipes at descriptors 3 and 4, where only a shell puts them without unsafe code.
const AT_THREE_AND_FOUR: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// Browser with one page open.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser; `None`, and said so, where this machine has none.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(crate) fn start() -> Option<Self> {
        let is_there = |name: &&&str| match Command::new(name).arg("--version").output() {
            Ok(output) => output.status.success(),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => panic!("{error}"),
        };
        let Some(name) = NAMES.iter().find(is_there) else {
            eprintln!("skipped: there is no `chromium` or `google-chrome` on this machine");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", AT_THREE_AND_FOUR, name])
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-extensions"])
            // Whatever a page asks for, nothing leaves this machine; that it asked is seen all the same.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        // A thread of its own, so that a browser that answers nothing ends the test instead of holding it.
        thread::spawn(move || {
            let mut message = Vec::new();
            while answers
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let value = serde_json::from_slice(&message).unwrap();
                if sender.send(value).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            child,
            commands,
            messages,
            session: None,
            sent: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", target);
        self.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        // Keys go to the page as if its window were in front.
        let focus = json!({"enabled": true});
        self.call("Emulation.setFocusEmulationEnabled", focus);
    }

    fn receive(&mut self) -> Value {
        self.messages
            .recv_timeout(PATIENCE)
            .expect("an answer of the browser")
    }

    /// Result of a command; events that come before it are kept.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        loop {
            let mut message = self.receive();
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    /// Opens a file, and waits until it is loaded; its address.
    pub(crate) fn open(&mut self, file: &Path) -> String {
        let address = format!("file://{}", file.canonicalize().unwrap().display());
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": address}));
        assert!(opened["errorText"].is_null(), "{opened}");
        let is_loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.iter().any(is_loaded) {
            let event = self.receive();
            self.events.push(event);
        }
        address
    }

    /// Value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", asked);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// Texts of an expression that is a list.
    pub(crate) fn texts(&mut self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.value(expression)).unwrap()
    }

    /// Presses a key: `Tab` or `Enter`.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => unreachable!("no key {other} is asked for"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
            });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// What the page asked for, and what it or the browser said about it, in order.
    pub(crate) fn told(&mut self) -> Vec<String> {
        // What the page began is reported before the answer to this.
        self.value("new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))");
        let told = |event: &Value| {
            let about = &event["params"];
            let words = match event["method"].as_str()? {
                "Network.requestWillBeSent" => {
                    format!("request {}", about["request"]["url"].as_str()?)
                }
                "Runtime.consoleAPICalled" => format!("console {}", about["args"]),
                "Runtime.exceptionThrown" => format!("exception {}", about["exceptionDetails"]),
                "Log.entryAdded" => format!("log {}", about["entry"]["text"]),
                "Page.javascriptDialogOpening" => format!("dialogue {}", about["message"]),
                _ => return None,
            };
            Some(words)
        };
        self.events.iter().filter_map(told).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to close, the browser ends its other processes, too; its own is the shell's. One that is
        // gone already cannot be asked, and need not be.
        let close = b"{\"id\":0,\"method\":\"Browser.close\"}\0";
        drop(self.commands.write_all(close));
        drop(self.child.wait());
    }
}
