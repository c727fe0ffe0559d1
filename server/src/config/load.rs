//! Reading and checking the configuration.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;
use crate::backup;

/// Where the configuration file is.
#[derive(Debug, Clone)]
pub enum Source {
    /// This file must exist.
    Explicit(PathBuf),
    /// `config.toml` in the working directory if it exists, else the defaults.
    Default,
}

impl Source {
    /// The file that is read, if there is one.
    fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Explicit(path) => Some(path.clone()),
            Self::Default => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
        }
    }
}

/// The file that is looked for when none is named.
const DEFAULT_FILE: &str = "config.toml";

/// Prefix of environment variables.
const PREFIX: &str = "PRIVMSG_";

/// Secrets for the command line, which only look like overrides in the sections `admin` and `backup`.
const RESERVED: [&str; 2] = ["PRIVMSG_ADMIN_KEY", "PRIVMSG_BACKUP_PASSPHRASE"];

/// What examples hold in place of a secret, in capital letters. The last two are secrets that the documentation shows as
/// sample output: everybody knows them.
const PLACEHOLDERS: [&str; 8] = [
    "ВСТАВЬТЕ",
    "ВАШ_",
    "CHANGE_ME",
    "CHANGEME",
    "CHANGE-ME",
    "VASH",
    "K7XR2MN9PQWE3ST6VY1ZA8BC5DF0GH4JL",
    "M2NB9XP3QW7ER1TY5UI8OA4SD6FG0HJ",
];

/// Whether this is an example's placeholder and not a secret.
pub(crate) fn is_placeholder(secret: &str) -> bool {
    let capitals = secret.to_uppercase();
    PLACEHOLDERS.iter().any(|text| capitals.contains(text))
}

/// Why there is no configuration. Never quotes a value: it could be a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML at line {line}")]
    Syntax {
        /// The file.
        path: String,
        /// Where.
        line: usize,
    },
    /// A section or key that does not exist.
    #[error("unknown key `{key}` in {origin}")]
    UnknownKey {
        /// `section.key`, or a section alone.
        key: String,
        /// The file, or the environment variable.
        origin: String,
    },
    /// A value of the wrong kind, or out of range.
    #[error("the value of `{key}` does not fit: expected {expected}")]
    Value {
        /// `section.key`.
        key: String,
        /// What would fit.
        expected: &'static str,
    },
    /// An example's placeholder is left in place of a secret.
    #[error(
        "`{key}` still holds the example's placeholder; make a secret with `openssl rand -base64 32`, or all of them with `privmsg-server init`"
    )]
    Placeholder {
        /// `section.key`.
        key: &'static str,
    },
    /// The database lies where the server deletes files that it does not know.
    #[error("`storage.database_path` lies in `storage.files_path`; give files a folder of their own")]
    DatabaseAmongFiles,
    /// Certificates from files and from an authority at once.
    #[error("`tls.cert_path` and `tls.acme.domains` exclude each other: leave one of them out")]
    TwoCertificates,
    /// A key that another one needs is missing.
    #[error("`{key}` is needed: {why}")]
    Missing {
        /// `section.key`.
        key: &'static str,
        /// What needs it.
        why: &'static str,
    },
}

impl Config {
    /// Reads the file, then the environment, and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(source: &Source, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table = match source {
            Source::Explicit(path) => read(path)?,
            Source::Default if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
            Source::Default => Table::new(),
        };
        let known = known_keys();
        overlay(&mut table, &known, environment)?;
        let mut config = typed(table, &known)?;
        config.file = source.file();
        config.check()?;
        Ok(config)
    }

    /// Rules that go beyond one key.
    fn check(&self) -> Result<(), ConfigError> {
        let secrets = [
            ("admin.master_key", &self.admin.master_key, true),
            ("turn.credential", &self.turn.credential, self.turn.enabled),
        ];
        for (key, secret, used) in secrets {
            if used && is_placeholder(secret.expose()) {
                return Err(ConfigError::Placeholder { key });
            }
        }
        let missing = |key, why| Err(ConfigError::Missing { key, why });
        if self.turn.enabled && self.turn.credential.expose().is_empty() {
            return missing("turn.credential", "`turn.enabled` is true");
        }
        if self.turn.enabled && self.turn.urls.is_empty() {
            return missing("turn.urls", "`turn.enabled` is true");
        }
        let database = self.storage.database_path.parent().unwrap_or(Path::new(""));
        if resolved(database) == resolved(&self.storage.files_path) {
            return Err(ConfigError::DatabaseAmongFiles);
        }
        self.check_backup()?;
        if tracing_subscriber::EnvFilter::try_new(&self.log.level).is_err() {
            let expected = "`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,privmsg_server=debug`";
            return Err(ConfigError::Value { key: "log.level".to_owned(), expected });
        }
        self.check_tls()
    }
}

impl Config {
    fn check_backup(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, expected| Err(ConfigError::Value { key: key.to_owned(), expected });
        if backup::time_of_day(&self.backup.at).is_none() {
            return wrong("backup.at", "a time of day as HH:MM");
        }
        if backup::recipients(self.backup.recipients.iter().map(String::as_str)).is_err() {
            return wrong("backup.recipients", "public keys of age (age1…)");
        }
        let folder = &self.backup.folder;
        if !folder.as_os_str().is_empty() && resolved(folder).starts_with(resolved(&self.storage.files_path)) {
            return wrong("backup.folder", "a folder outside of storage.files_path");
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), ConfigError> {
        let (cert, key) = (&self.tls.cert_path, &self.tls.key_path);
        let missing = |key, why| Err(ConfigError::Missing { key, why });
        match (cert.as_os_str().is_empty(), key.as_os_str().is_empty()) {
            (true, false) => return missing("tls.cert_path", "`tls.key_path` is set"),
            (false, true) => return missing("tls.key_path", "`tls.cert_path` is set"),
            (false, false) if !self.tls.acme.domains.is_empty() => return Err(ConfigError::TwoCertificates),
            _ => {}
        }
        let wrong = |key: &str, expected| Err(ConfigError::Value { key: key.to_owned(), expected });
        let acme = &self.tls.acme;
        let is_name =
            |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
        if !acme.domains.iter().all(is_name) {
            // No wildcard: the proof over TLS is not for one.
            return wrong("tls.acme.domains", "names of domains, each without a wildcard");
        }
        if !acme.domains.is_empty() && !acme.directory_url.starts_with("https://") {
            return wrong("tls.acme.directory_url", "an address that begins with https://");
        }
        if !acme.contact_email.is_empty() && !acme.contact_email.contains('@') {
            return wrong("tls.acme.contact_email", "an address of e-mail");
        }
        Ok(())
    }
}

/// The folder's one name, however it is written; as far as can be told before it exists.
fn resolved(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            path: path.display().to_string(),
            line: text.get(..at).unwrap_or("").lines().count().max(1),
        }
    })?;
    if let Some(key) = unknown_key(&table, &known_keys()) {
        return Err(ConfigError::UnknownKey { key, origin: path.display().to_string() });
    }
    Ok(table)
}

/// The first key of `given` that is not known, with its sections in front. A section in place of a value, or the other
/// way round, is not known either.
fn unknown_key(given: &Table, known: &Table) -> Option<String> {
    given.iter().find_map(|(key, value)| match (known.get(key), value) {
        (Some(Value::Table(known)), Value::Table(given)) => {
            unknown_key(given, known).map(|inner| format!("{key}.{inner}"))
        }
        (None | Some(Value::Table(_)), _) => Some(key.clone()),
        _ => None,
    })
}

/// The defaults as a table: which keys there are, and of what kind.
fn known_keys() -> Table {
    Table::try_from(Config::default()).expect("the defaults are plain values")
}

fn overlay(
    table: &mut Table,
    known: &Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    let keys = leaves(known);
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !RESERVED.contains(&name.as_str())) else {
            continue;
        };
        let rest = rest.to_lowercase();
        let Some((path, kind)) = keys.iter().find(|(path, _)| path.join("_") == rest) else {
            let section =
                known.keys().find_map(|section| Some((section, rest.strip_prefix(section)?.strip_prefix('_')?)));
            let Some((section, key)) = section else { continue };
            return Err(ConfigError::UnknownKey {
                key: format!("{section}.{key}"),
                origin: format!("the environment variable {name}"),
            });
        };
        let value = parse_like(kind, &text)
            .ok_or_else(|| ConfigError::Value { key: path.join("."), expected: expected(kind) })?;
        put(table, path, value);
    }
    Ok(())
}

/// Every value in a table, with the path that leads to it.
fn leaves(table: &Table) -> Vec<(Vec<String>, &Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => found.extend(leaves(inner).into_iter().map(|(mut path, value)| {
                path.insert(0, key.clone());
                (path, value)
            })),
            value => found.push((vec![key.clone()], value)),
        }
    }
    found
}

/// Sets one value, making the sections on its way.
fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let entry = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = entry {
                put(inner, rest, value);
            }
        }
    }
}

/// Reads the text of an environment variable as a value of the same kind as `kind`.
fn parse_like(kind: &Value, text: &str) -> Option<Value> {
    Some(match kind {
        Value::Integer(_) => Value::Integer(text.trim().parse().ok()?),
        Value::Boolean(_) => Value::Boolean(text.trim().parse().ok()?),
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        _ => Value::String(text.to_owned()),
    })
}

const fn expected(kind: &Value) -> &'static str {
    match kind {
        Value::Integer(_) => "a whole number in range",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        _ => "a text of the right form",
    }
}

/// Turns the table into the typed configuration, key by key, so that a wrong value can be named.
fn typed(table: Table, known: &Table) -> Result<Config, ConfigError> {
    let kinds = leaves(known);
    for (path, value) in leaves(&table) {
        let mut probe = Table::new();
        put(&mut probe, &path, value.clone());
        if probe.try_into::<Config>().is_err() {
            let kind = kinds.iter().find(|(known, _)| *known == path).map(|(_, kind)| *kind);
            return Err(ConfigError::Value { key: path.join("."), expected: kind.map_or("another value", expected) });
        }
    }
    Ok(table.try_into().expect("each of its values has been read before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples as they ship, those of the guide, and what people write in their place.
    #[test]
    fn no_example_passes_for_a_secret() {
        for example in [
            "ВСТАВЬТЕ_СЮДА_ВАШ_ADMIN_KEY",
            "ВСТАВЬТЕ_СЮДА_ВАШ_TURN_SECRET",
            "ВСТАВЬТЕ_TURN_SECRET",
            "ВСТАВЬТЕ_ADMIN_KEY",
            "ВАШ_ADMIN_KEY",
            "K7xR2mN9pQwE3sT6vY1zA8bC5dF0gH4jL",
            "M2nB9xP3qW7eR1tY5uI8oA4sD6fG0hJ",
            "changeme",
            "change-me-please",
        ] {
            assert!(is_placeholder(example), "{example}");
        }
        assert!(!is_placeholder("UiJJrObUbiwzzCCSI4q7acCEqZ32yipC3jlRZwP5PSY"));
    }
}
