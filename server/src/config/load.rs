//! Reading and checking the configuration.

use std::path::{Path, PathBuf};

use privmsg_protocol::Invitation;
use toml::{Table, Value};

use super::environment::overlay;
use super::placeholder::is_placeholder;
use super::{Config, ConfigError, SHORTEST_KEY, Storage};
use crate::backup;
use crate::paths::shown;

/// Where the configuration file is.
#[derive(Debug, Clone)]
pub enum Source {
    /// This file must exist.
    Explicit(PathBuf),
    /// `config.toml` in the working directory if it exists, else the defaults.
    Default,
}

/// Where a configuration is looked for when none is named, in this order. The second is where the guide has it written:
/// a command that is given on the server's machine, from whatever folder, means that server.
pub(crate) const DEFAULT_FILES: [&str; 3] =
    ["config.toml", "/etc/privmsg/config/server/config.toml", "/etc/privmsg/config.toml"];

impl Source {
    /// The file that is read, if there is one.
    fn file(&self) -> Result<Option<PathBuf>, ConfigError> {
        match self {
            Self::Explicit(path) => Ok(Some(path.clone())),
            Self::Default => first_of(DEFAULT_FILES.map(Path::new)),
        }
    }
}

/// The first of these files that is there. One that may be there and cannot be looked at is not passed over: without it
/// everything would happen to another database.
fn first_of<'a>(places: impl IntoIterator<Item = &'a Path>) -> Result<Option<PathBuf>, ConfigError> {
    for path in places {
        match path.try_exists() {
            Ok(true) => return Ok(Some(path.to_owned())),
            Ok(false) => {}
            Err(source) => return Err(ConfigError::Unreadable { path: shown(path), source }),
        }
    }
    Ok(None)
}

impl Config {
    /// Reads the file, then the environment, and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(source: &Source, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let file = source.file()?;
        let mut table = file.as_deref().map(read).transpose()?.unwrap_or_default();
        let known = known_keys();
        overlay(&mut table, &known, environment)?;
        let mut config = typed(table, &known)?;
        config.file = file;
        config.check()?;
        Ok(config)
    }

    /// Whether nobody has said which data is meant: there is no file, and no variable names a database.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.file.is_none() && self.storage.database_path == Storage::default().database_path
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
        let key = self.admin.master_key.expose();
        if !key.is_empty() && key.chars().count() < SHORTEST_KEY {
            return Err(ConfigError::TooShort { key: "admin.master_key" });
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
        let url = self.server.public_url.trim_end_matches('/');
        if !url.is_empty() && !Invitation::is_server_url(url) {
            return wrong(
                "server.public_url",
                "an address such as https://chat.example.org, with https:// or http:// in front",
            );
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.level).is_err() {
            let expected = "`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,privmsg_server=debug`";
            return wrong("log.level", expected);
        }
        self.check_tls()
    }
}

impl Config {
    fn check_backup(&self) -> Result<(), ConfigError> {
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

/// A value that does not fit.
fn wrong(key: &str, expected: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Value { key: key.to_owned(), expected: expected.to_owned() })
}

/// The folder's one name, however it is written; as far as can be told before it exists.
fn resolved(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.to_owned())
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: shown(path), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            path: shown(path),
            line: text.get(..at).unwrap_or("").lines().count().max(1),
            why: error.message().trim().replace('\n', ", "),
        }
    })?;
    if let Some(key) = unknown_key(&table, &known_keys()) {
        return Err(ConfigError::UnknownKey { key, origin: shown(path) });
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
pub(super) fn known_keys() -> Table {
    Table::try_from(Config::default()).expect("the defaults are plain values")
}

/// Every value in a table, with the path that leads to it.
pub(super) fn leaves(table: &Table) -> Vec<(Vec<String>, &Value)> {
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
pub(super) fn put(table: &mut Table, path: &[String], value: Value) {
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

/// What would fit in place of a value that does not, found by trying: the types say it best.
fn fitting(path: &[String], value: &Value, kind: &Value) -> String {
    let fits = |value: Value| {
        let mut probe = Table::new();
        put(&mut probe, path, value);
        probe.try_into::<Config>().is_ok()
    };
    let form = match path.join(".").as_str() {
        "server.host" | "metrics.host" => {
            "an IP address in quotation marks, such as \"127.0.0.1\", or \"0.0.0.0\" for all"
        }
        "server.trusted_proxies" => "addresses and networks, such as [\"127.0.0.1\", \"10.0.0.0/8\"]",
        "log.format" => "\"text\" or \"json\"",
        _ if kind.is_array() => "texts in quotation marks, such as [\"one\", \"two\"]",
        _ => "a text in quotation marks",
    };
    match (kind, value) {
        (Value::Integer(_), _) => {
            let largest =
                [i64::MAX, i64::from(u32::MAX), i64::from(u16::MAX)].into_iter().find(|n| fits(Value::Integer(*n)));
            match largest {
                Some(largest) if largest < i64::MAX => format!("a whole number from 0 to {largest}"),
                _ => "a whole number, 0 or more, without quotation marks".to_owned(),
            }
        }
        (Value::Boolean(_), _) => "true or false, without quotation marks".to_owned(),
        (Value::Array(_), Value::Array(entries)) => {
            match entries.iter().position(|entry| !fits(Value::Array(vec![entry.clone()]))) {
                Some(at) => format!("{form}; entry {} of the list is something else", at + 1),
                None => form.to_owned(),
            }
        }
        _ => form.to_owned(),
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
            let expected = kind.map_or_else(|| "another value".to_owned(), |kind| fitting(&path, value, kind));
            return Err(ConfigError::Value { key: path.join("."), expected });
        }
    }
    Ok(table.try_into().expect("each of its values has been read before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From another folder than the configuration's, commands made an empty server and worked on that.
    #[test]
    fn a_configuration_is_looked_for_where_the_guide_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("config.toml"), folder.path().join("etc.toml"));
        let places = || [here.as_path(), there.as_path()];
        assert_eq!(first_of(places()).unwrap(), None);
        std::fs::write(&there, "").unwrap();
        assert_eq!(first_of(places()).unwrap().as_ref(), Some(&there));
        std::fs::write(&here, "").unwrap();
        assert_eq!(first_of(places()).unwrap().as_ref(), Some(&here));
        // A folder in the place of a file, or one that may not be looked into, is no reason to go on without.
        assert!(first_of([here.join("config.toml").as_path()]).is_err());
        assert!(DEFAULT_FILES.contains(&"/etc/privmsg/config/server/config.toml"));
    }

    #[test]
    fn a_wrong_value_is_told_what_would_fit() {
        let said = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            Config::load(&Source::Explicit(file.path().to_owned()), []).unwrap_err().to_string()
        };
        for (text, says) in [
            ("[server]\nport = 99999", "from 0 to 65535"),
            ("[server]\nport = \"9443\"", "from 0 to 65535"),
            ("[server]\nhost = \"localhost\"", "an IP address"),
            ("[server]\ntrusted_proxies = \"10.0.0.1\"", "such as [\"127.0.0.1\""),
            ("[server]\ntrusted_proxies = [\"10.0.0.1\", \"proxy\"]", "entry 2 of the list"),
            ("[turn]\nurls = \"turn:x\"", "such as [\"one\""),
            ("[turn]\nenabled = \"yes\"", "true or false"),
            ("[log]\nformat = \"xml\"", "\"text\" or \"json\""),
            ("[limits]\nmax_devices_per_user = -1", "from 0 to 4294967295"),
            ("[server]\nport = 1\n[server]\nhost = \"::1\"", "line 3: duplicate key"),
            ("[server]\npublic_url = \"chat.example.org\"", "with https:// or http:// in front"),
        ] {
            assert!(said(text).contains(says), "{text}: {}", said(text));
        }
        assert!(!said("[admin]\nmaster_key = \"hunter2").contains("hunter2"));
        assert!(!said("[admin]\nmaster_key = hunter2").contains("hunter2"));
    }
}
