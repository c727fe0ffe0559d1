//! Filling in the example files that ship with the program. There is one text of each: what `init` writes is the example
//! with its comments, and a few lines set.

use std::fmt::Write as _;

/// `config/server/config.toml` as it ships; see build.rs.
pub(super) const SERVER: &str = include_str!(concat!(env!("OUT_DIR"), "/config.toml"));

/// `config/coturn/turnserver.conf` as it ships.
pub(super) const COTURN: &str = include_str!(concat!(env!("OUT_DIR"), "/turnserver.conf"));

/// A TOML text of which single lines are set.
pub(super) struct Toml(Vec<String>);

impl Toml {
    pub(super) fn new(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    /// Sets `section.key` to a value, given as it is written in TOML. A line that is commented out comes in, with its
    /// section; what is not there at all is added. The comment behind the value stays.
    pub(super) fn set(&mut self, section: &str, key: &str, value: &str) {
        let header = self.header(section);
        let body = header + 1..self.end_of(header);
        match place_of(&self.0[body.clone()], key).map(|at| at + body.start) {
            Some(at) => {
                let comment = comment_of(&self.0[at]).map(|text| format!("  {text}")).unwrap_or_default();
                self.0[at] = format!("{key} = {value}{comment}");
            }
            None => self.0.insert(header + 1, format!("{key} = {value}")),
        }
    }

    /// The line of the section's header, made effective.
    fn header(&mut self, section: &str) -> usize {
        let header = format!("[{section}]");
        if let Some(at) = self.0.iter().position(|line| bare(line) == header) {
            self.0[at] = header;
            return at;
        }
        self.0.extend([String::new(), header]);
        self.0.len() - 1
    }

    /// Where the next section begins, commented out or not.
    fn end_of(&self, header: usize) -> usize {
        let next = self.0[header + 1..].iter().position(|line| {
            let line = bare(line);
            line.starts_with('[') && line.ends_with(']')
        });
        next.map_or(self.0.len(), |at| header + 1 + at)
    }
}

/// coturn's `key=value` lines.
pub(super) struct Coturn(Vec<String>);

impl Coturn {
    pub(super) fn new(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    /// Sets a key that stands in the file once, commented out or not, or not at all.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let line = format!("{key}={value}");
        match place_of(&self.0, key) {
            Some(at) => self.0[at] = line,
            None => self.0.push(line),
        }
    }
}

/// The lines as the text of a file.
fn text(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("a string takes everything");
        text
    })
}

impl From<Toml> for String {
    fn from(toml: Toml) -> Self {
        text(&toml.0)
    }
}

impl From<Coturn> for String {
    fn from(coturn: Coturn) -> Self {
        text(&coturn.0)
    }
}

/// A line without the mark that comments it out.
fn bare(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix('#').unwrap_or(line).trim_start()
}

/// The line that sets the key; failing that, the one that would if it were not commented out.
fn place_of(lines: &[String], key: &str) -> Option<usize> {
    let effective = lines.iter().position(|line| assigns(line.trim(), key));
    effective.or_else(|| lines.iter().position(|line| assigns(bare(line), key)))
}

fn assigns(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The comment behind a value: from the first `#` outside of quotation marks.
fn comment_of(line: &str) -> Option<&str> {
    let value = line.find('=')?;
    let mut quoted = false;
    let at = line[value..].char_indices().find_map(|(at, letter)| {
        quoted ^= letter == '"';
        (letter == '#' && !quoted).then_some(at)
    })?;
    Some(&line[value + at..])
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list of texts as TOML writes it.
pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_set_in_their_section_only() {
        let mut toml = Toml::new("[a]\nkey = 1 # why # not\n\n# [b]\n# key = \"#\"  # a word\n[c]\nother = 2");
        toml.set("b", "key", "3");
        toml.set("a", "key", "4");
        toml.set("c", "new", "true");
        toml.set("d", "key", "\"x\"");
        assert_eq!(
            String::from(toml),
            "[a]\nkey = 4  # why # not\n\n[b]\nkey = 3  # a word\n[c]\nnew = true\nother = 2\n\n[d]\nkey = \"x\"\n"
        );
    }

    #[test]
    fn coturns_lines_are_set_or_added() {
        let mut coturn = Coturn::new("#realm=z\nrealm=a\n#external-ip=b\n# a sentence");
        coturn.set("external-ip", "192.0.2.1");
        coturn.set("realm", "example.org");
        coturn.set("cert", "/x.pem");
        assert_eq!(
            String::from(coturn),
            "#realm=z\nrealm=example.org\nexternal-ip=192.0.2.1\n# a sentence\ncert=/x.pem\n"
        );
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("plain"), "\"plain\"");
        let hostile = "a\"b\\c\nd";
        let back: toml::Table = format!("x = {}", quoted(hostile)).parse().unwrap();
        assert_eq!(back["x"].as_str(), Some(hostile));
        assert_eq!(list(&["a", "b"]), "[\"a\", \"b\"]");
    }
}
