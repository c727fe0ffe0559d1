//! `PRIVMSG_<SECTION>_<KEY>`, and with `_FILE` behind it the name of a file that holds the value.

use toml::{Table, Value};

use super::ConfigError;
use super::load::{leaves, put};

/// Prefix of environment variables.
const PREFIX: &str = "PRIVMSG_";

/// Secrets for the command line, which only look like overrides in the sections `admin` and `backup`.
const RESERVED: [&str; 2] = ["PRIVMSG_ADMIN_KEY", "PRIVMSG_BACKUP_PASSPHRASE"];

/// Puts what the environment says into the table.
pub(super) fn overlay(
    table: &mut Table,
    known: &Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    let keys = leaves(known);
    let ours = environment.into_iter().filter(|(name, value)| {
        name.starts_with(PREFIX) && !RESERVED.contains(&name.as_str()) && !is_of_an_orchestrator(name, value)
    });
    let given: Vec<(String, String)> = ours.collect();
    for (name, text) in &given {
        let rest = name[PREFIX.len()..].to_lowercase();
        let find = |rest: &str| keys.iter().find(|(path, _)| path.join("_") == rest);
        let (found, text) = match (find(&rest), rest.strip_suffix("_file").and_then(find)) {
            (Some(found), _) => (found, text.clone()),
            (None, Some(found)) => {
                let variable = &name[..name.len() - "_FILE".len()];
                if given.iter().any(|(other, _)| other == variable) {
                    return Err(ConfigError::TwoValues { variable: variable.to_owned() });
                }
                (found, value_in(name, text)?)
            }
            (None, None) => {
                let section =
                    known.keys().find_map(|section| Some((section, rest.strip_prefix(section)?.strip_prefix('_')?)));
                let Some((section, key)) = section else { continue };
                return Err(ConfigError::UnknownKey {
                    key: format!("{section}.{key}"),
                    origin: format!("the environment variable {name}"),
                });
            }
        };
        let (path, kind) = found;
        let value = parse_like(kind, &text).ok_or_else(|| ConfigError::Value {
            key: path.join("."),
            expected: format!("{} (environment variable {name})", expected(kind)),
        })?;
        put(table, path, value);
    }
    Ok(())
}

/// The value in a file, as containers are given secrets. Whoever wrote it by an editor has ended its line.
fn value_in(variable: &str, path: &str) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::ValueFile {
        variable: variable.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned())
}

/// Whether Kubernetes has made this variable for a service, or Docker for a link, that is called like a section of ours:
/// for `privmsg-server` they set `PRIVMSG_SERVER_PORT=tcp://…` in every container.
fn is_of_an_orchestrator(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    // `…_PORT_9443_TCP`, and the same with `_PROTO`, `_PORT` or `_ADDR` behind it.
    let of_a_port = name.rsplit_once("_PORT_").into_iter().chain(name.split_once("_PORT_")).any(|(_, rest)| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        number && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
    });
    name.ends_with("_PORT") && is_address
        || of_a_port
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_NAME") && value.starts_with('/')
        || name.contains("_ENV_")
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
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "texts with commas between them",
        _ => "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::known_keys;
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Table, ConfigError> {
        let mut table = Table::new();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        overlay(&mut table, &known_keys(), variables).map(|()| table)
    }

    /// Every command refused to start in a container beside a service that was named as in our compose file.
    #[test]
    fn what_orchestrators_set_is_not_meant() {
        let table = with(&[
            ("PRIVMSG_SERVER_PORT", "tcp://10.0.0.7:9443"),
            ("PRIVMSG_SERVER_PORT_9443_TCP", "tcp://10.0.0.7:9443"),
            ("PRIVMSG_SERVER_PORT_9443_TCP_PROTO", "tcp"),
            ("PRIVMSG_SERVER_PORT_9443_TCP_PORT", "9443"),
            ("PRIVMSG_SERVER_PORT_9443_TCP_ADDR", "10.0.0.7"),
            ("PRIVMSG_SERVER_SERVICE_HOST", "10.0.0.7"),
            ("PRIVMSG_SERVER_SERVICE_PORT", "9443"),
            ("PRIVMSG_SERVER_SERVICE_PORT_HTTPS", "443"),
            ("PRIVMSG_SERVER_NAME", "/clients/privmsg-server"),
            ("PRIVMSG_SERVER_ENV_PATH", "/bin"),
            ("PRIVMSG_TURN_PORT", "udp://10.0.0.8:3478"),
            ("PRIVMSG_TURN_PORT_3478_UDP", "udp://10.0.0.8:3478"),
            ("PRIVMSG_METRICS_PORT", "tcp://10.0.0.7:9464"),
        ]);
        assert!(table.unwrap().is_empty());
        assert!(matches!(with(&[("PRIVMSG_SERVER_PORT", "http")]), Err(ConfigError::Value { .. })));
        assert!(matches!(with(&[("PRIVMSG_SERVER_PROT", "1")]), Err(ConfigError::UnknownKey { .. })));
        assert_eq!(with(&[("PRIVMSG_SERVER_PORT", "9000")]).unwrap()["server"]["port"].as_integer(), Some(9000));
    }

    #[test]
    fn a_value_may_be_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}the secret\r\n").unwrap();
        let path = file.path().to_str().unwrap();
        let table = with(&[("PRIVMSG_TURN_CREDENTIAL_FILE", path)]).unwrap();
        assert_eq!(table["turn"]["credential"].as_str(), Some("the secret"));
        let both = [("PRIVMSG_TURN_CREDENTIAL_FILE", path), ("PRIVMSG_TURN_CREDENTIAL", "x")];
        assert!(matches!(with(&both), Err(ConfigError::TwoValues { .. })));
        let missing = [("PRIVMSG_ADMIN_MASTER_KEY_FILE", "/nowhere/at/all")];
        assert!(matches!(with(&missing), Err(ConfigError::ValueFile { .. })));
    }
}
