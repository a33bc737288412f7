//! The checks that generated `Validate` implementations call. Names follow `buf.validate`.

use regex::Regex;

/// One field that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, for example `contact.phones[1].number`.
    pub field: String,
    /// The rule, for example `string.max_len`.
    pub rule: &'static str,
    /// The limit, as text.
    pub limit: String,
}

/// A message whose fields have rules.
pub trait Validate {
    /// Adds what is wrong with this message, which stands at `at`, to `found`.
    fn check(&self, at: &Path<'_>, found: &mut Vec<Violation>);

    /// All that is wrong with this message; empty when nothing is.
    fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        self.check(&Path::root(), &mut found);
        found
    }
}

/// Where a message stands in the request.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    above: Option<&'a Path<'a>>,
    name: &'a str,
    index: Option<usize>,
}

/// Compiles a rule's pattern; a broken one is a fault of the contract and shows in the first test.
#[must_use]
#[expect(clippy::panic, reason = "a pattern is a constant of the contract")]
pub fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("pattern {pattern:?}: {error}"))
}

impl<'a> Path<'a> {
    /// The request itself.
    #[must_use]
    pub fn root() -> Self {
        Self { above: None, name: "", index: None }
    }

    /// A message field below this one.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self { above: Some(self), name, index: None }
    }

    /// An element of a list below this one.
    #[must_use]
    pub fn index(&'a self, name: &'a str, index: usize) -> Self {
        Self { above: Some(self), name, index: Some(index) }
    }

    fn text(&self, leaf: &str) -> String {
        let mut text = String::new();
        self.write(&mut text);
        // Inside a list the leaf is the element itself.
        if self.index.is_none() || self.name != leaf {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(leaf);
        }
        text
    }

    fn write(&self, text: &mut String) {
        if let Some(above) = self.above {
            above.write(text);
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(self.name);
            if let Some(index) = self.index {
                text.push_str(&format!("[{index}]"));
            }
        }
    }

    fn unless(&self, ok: bool, name: &str, rule: &'static str, limit: impl ToString, found: &mut Vec<Violation>) {
        if !ok {
            found.push(Violation { field: self.text(name), rule, limit: limit.to_string() });
        }
    }

    /// The field must be set.
    pub fn required(&self, name: &str, present: bool, found: &mut Vec<Violation>) {
        self.unless(present, name, "required", "", found);
    }

    /// At least so many elements.
    pub fn min_items(&self, name: &str, len: usize, least: usize, found: &mut Vec<Violation>) {
        self.unless(len >= least, name, "repeated.min_items", least, found);
    }

    /// At most so many elements.
    pub fn max_items(&self, name: &str, len: usize, most: usize, found: &mut Vec<Violation>) {
        self.unless(len <= most, name, "repeated.max_items", most, found);
    }

    /// At least so many characters.
    pub fn min_len(&self, name: &str, value: &str, least: usize, found: &mut Vec<Violation>) {
        self.unless(value.chars().count() >= least, name, "string.min_len", least, found);
    }

    /// At most so many characters.
    pub fn max_len(&self, name: &str, value: &str, most: usize, found: &mut Vec<Violation>) {
        self.unless(value.chars().count() <= most, name, "string.max_len", most, found);
    }

    /// The text matches the pattern.
    pub fn pattern(&self, name: &str, value: &str, regex: &Regex, pattern: &str, found: &mut Vec<Violation>) {
        self.unless(regex.is_match(value), name, "string.pattern", pattern, found);
    }

    /// Not below the limit.
    pub fn gte(&self, name: &str, value: i64, limit: i64, found: &mut Vec<Violation>) {
        self.unless(value >= limit, name, "number.gte", limit, found);
    }

    /// Above the limit.
    pub fn gt(&self, name: &str, value: i64, limit: i64, found: &mut Vec<Violation>) {
        self.unless(value > limit, name, "number.gt", limit, found);
    }

    /// Not above the limit.
    pub fn lte(&self, name: &str, value: i64, limit: i64, found: &mut Vec<Violation>) {
        self.unless(value <= limit, name, "number.lte", limit, found);
    }

    /// Not below the limit; not-a-number never passes.
    pub fn gte_f64(&self, name: &str, value: f64, limit: f64, found: &mut Vec<Violation>) {
        self.unless(value >= limit, name, "number.gte", limit, found);
    }

    /// Not above the limit; not-a-number never passes.
    pub fn lte_f64(&self, name: &str, value: f64, limit: f64, found: &mut Vec<Violation>) {
        self.unless(value <= limit, name, "number.lte", limit, found);
    }

    /// A value this version of the contract knows.
    pub fn known(&self, name: &str, value: i32, known: &[i32], found: &mut Vec<Violation>) {
        self.unless(known.contains(&value), name, "enum.defined_only", value, found);
    }

    /// Not one of these values.
    pub fn not_in(&self, name: &str, value: i32, banned: &[i32], found: &mut Vec<Violation>) {
        self.unless(!banned.contains(&value), name, "enum.not_in", value, found);
    }
}
