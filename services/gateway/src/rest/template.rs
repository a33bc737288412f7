//! Path templates of `google.api.http`: `/v1/{name=shelves/*}/books/{book.id}:archive`.

use anyhow::{Result, bail, ensure};

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this text.
    Literal(String),
    /// Any one segment.
    One,
    /// All that is left, possibly nothing.
    Rest,
}

/// A field of the request that the path fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Field path, by proto names.
    pub(crate) field: Vec<String>,
    /// Index of its first segment.
    pub(crate) start: usize,
    /// Index of the first segment behind it; `None` when it takes all that is left.
    pub(crate) end: Option<usize>,
    /// It takes exactly one segment; otherwise an encoded slash stays encoded.
    pub(crate) single: bool,
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    /// Text behind the last colon, empty when there is none.
    pub(crate) verb: String,
}

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix('/') else { bail!("{text}: a template starts with a slash") };
        let mut parser = Parser { rest, segments: Vec::new(), variables: Vec::new() };
        parser.segments(false)?;
        let verb = match parser.rest.strip_prefix(':') {
            Some(verb) => {
                ensure!(!verb.is_empty() && !verb.contains(['/', '{', '}', '*', ':']), "{text}: bad verb");
                verb.to_owned()
            }
            None => {
                ensure!(parser.rest.is_empty(), "{text}: {} is left over", parser.rest);
                String::new()
            }
        };
        let total = parser.segments.len();
        let deep = parser.segments.iter().position(|segment| *segment == Segment::Rest);
        ensure!(deep.is_none_or(|at| at + 1 == total), "{text}: ** must be the last segment");
        Ok(Self { segments: parser.segments, variables: parser.variables, verb })
    }
}

struct Parser<'a> {
    rest: &'a str,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_until(&mut self, stops: &[char]) -> String {
        let end = self.rest.find(stops).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }

    fn segments(&mut self, inside: bool) -> Result<()> {
        loop {
            if self.eat("{") {
                ensure!(!inside, "a variable inside a variable");
                self.variable()?;
            } else if self.eat("**") {
                self.segments.push(Segment::Rest);
            } else if self.eat("*") {
                self.segments.push(Segment::One);
            } else {
                let literal = self.take_until(&['/', '{', '}', ':', '*']);
                ensure!(!literal.is_empty(), "an empty segment");
                self.segments.push(Segment::Literal(literal));
            }
            if !self.eat("/") {
                return Ok(());
            }
        }
    }

    fn variable(&mut self) -> Result<()> {
        let field: Vec<String> = self.take_until(&['=', '}']).split('.').map(str::to_owned).collect();
        ensure!(field.iter().all(|name| !name.is_empty()), "a variable without a name");
        let start = self.segments.len();
        if self.eat("=") {
            self.segments(true)?;
        } else {
            self.segments.push(Segment::One);
        }
        ensure!(self.eat("}"), "a variable that is not closed");
        let single = self.segments[start..] == [Segment::One];
        let deep = self.segments[start..].contains(&Segment::Rest);
        let end = (!deep).then_some(self.segments.len());
        self.variables.push(Variable { field, start, end, single });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_grammar_is_read() {
        let template = Template::parse("/v1/{name=shelves/*}/books/{book.id}:archive").unwrap();
        assert_eq!(
            template.segments,
            [
                Segment::Literal("v1".into()),
                Segment::Literal("shelves".into()),
                Segment::One,
                Segment::Literal("books".into()),
                Segment::One,
            ]
        );
        assert_eq!(template.verb, "archive");
        assert_eq!(
            template.variables,
            [
                Variable { field: vec!["name".into()], start: 1, end: Some(3), single: false },
                Variable { field: vec!["book".into(), "id".into()], start: 4, end: Some(5), single: true },
            ]
        );
        let deep = Template::parse("/v1/{path=files/**}:read").unwrap();
        assert_eq!(deep.segments.last(), Some(&Segment::Rest));
        assert_eq!((deep.variables[0].start, deep.variables[0].end), (1, None));
        assert_eq!(Template::parse("/v1/events:republish").unwrap().verb, "republish");
    }

    #[test]
    fn broken_templates_are_refused() {
        for text in ["v1/a", "/v1//a", "/v1/{a", "/v1/{a={b}}", "/v1/**/b", "/v1/a:", "/v1/{}", "/v1/a}", "/v1/a:b:c"] {
            assert!(Template::parse(text).is_err(), "{text} was taken");
        }
    }
}
