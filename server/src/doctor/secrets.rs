//! Secrets: none from an example, none that can be guessed, and the one that two programs share the same in both files.

use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;

use super::{Finding, Patient};
use crate::config::{SHORTEST_KEY, is_placeholder};

/// Under which name coturn knows the secret.
const SECRET_KEY: &str = "static-auth-secret";

pub(super) fn check(patient: &Patient) -> Finding {
    let config = &patient.config;
    let turn = config.turn.enabled.then(|| config.turn.credential.expose());
    // The admin key is looked at before anything is started.
    if turn.is_some_and(|secret| secret.chars().count() < SHORTEST_KEY) {
        return Finding::warn(
            format!("`turn.credential` is shorter than {SHORTEST_KEY} characters"),
            format!("`turn.credential` короче {SHORTEST_KEY} символов"),
        )
        .advise("Make a better one: openssl rand -base64 32", "Создайте надёжнее: openssl rand -base64 32");
    }
    let Some(secret) = turn else {
        return Finding::pass("The secrets are no examples", "Секреты — не из примеров");
    };
    compare_all(secret, &patient.coturn_files())
}

/// The worst of them: nobody knows which one coturn has been started with.
fn compare_all(secret: &str, paths: &[PathBuf]) -> Finding {
    // One without a secret is the system's as it came with the package: coturn has been started with the other.
    let has_secret =
        |path: &&PathBuf| std::fs::read_to_string(path).map_or(true, |text| values(&text, SECRET_KEY).next().is_some());
    let with_secrets: Vec<&PathBuf> = paths.iter().filter(has_secret).collect();
    let paths = if with_secrets.is_empty() { paths.iter().collect() } else { with_secrets };
    let findings = paths.iter().rev().map(|path| compare(secret, path));
    findings.max_by_key(|finding| finding.status).unwrap_or_else(|| {
        Finding::pass(
            "The secrets are no examples; coturn's file is not here to compare, the relay itself will tell",
            "Секреты — не из примеров; файла coturn здесь нет, сравнить не с чем — скажет сам ретранслятор",
        )
    })
}

fn compare(secret: &str, path: &Path) -> Finding {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        // Rightly closed to this account, e.g. because it belongs to coturn's.
        Err(error) => {
            return Finding::pass(
                format!(
                    "The secrets are no examples; {shown} cannot be read to compare ({error}), the relay itself will tell"
                ),
                format!(
                    "Секреты — не из примеров; {shown} не прочитать для сравнения ({error}) — скажет сам ретранслятор"
                ),
            );
        }
    };
    let secrets: Vec<&str> = values(&text, SECRET_KEY).collect();
    if secrets.is_empty() {
        return Finding::fail(
            format!("{shown} has no static-auth-secret"),
            format!("В {shown} нет static-auth-secret"),
        )
        .advise(
            "Add the lines use-auth-secret and static-auth-secret=… with the value of turn.credential.",
            "Добавьте строки use-auth-secret и static-auth-secret=… со значением turn.credential.",
        );
    }
    if secrets.iter().any(|text| is_placeholder(text)) {
        return Finding::fail(
            format!("{shown} still holds the example's placeholder in place of a secret"),
            format!("В {shown} вместо секрета осталась заготовка из примера"),
        )
        .advise(
            "Put the value of turn.credential there, and restart coturn.",
            "Впишите туда значение turn.credential и перезапустите coturn.",
        );
    }
    // coturn knows all that it is given: several, while one is replaced by another.
    if secrets.iter().any(|other| bool::from(other.as_bytes().ct_eq(secret.as_bytes()))) {
        return Finding::pass(
            format!("The secrets are no examples, and those of the relay match ({shown})"),
            format!("Секреты — не из примеров, у ретранслятора они совпадают ({shown})"),
        );
    }
    Finding::fail(
        format!("turn.credential and static-auth-secret in {shown} differ: no call gets through the relay"),
        format!("turn.credential и static-auth-secret в {shown} различаются: звонки через ретранслятор не пройдут"),
    )
    .advise(
        "Put the same secret into both files, and restart server and coturn.",
        "Впишите в оба файла один и тот же секрет и перезапустите сервер и coturn.",
    )
}

/// Values of a key in coturn's configuration.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::Secret;
    use privmsg_protocol::rest::CheckStatus;

    use super::super::Setting;
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;

    const SECRET: &str = "a secret that is long enough";

    fn patient(coturn: &str) -> (tempfile::TempDir, Patient) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("turnserver.conf");
        std::fs::write(&file, coturn).unwrap();
        let mut config = Config::default();
        config.turn.enabled = true;
        config.turn.credential = Secret::new(SECRET.to_owned());
        let patient =
            Patient { config, coturn_file: Some(file), setting: Setting::CommandLine, clock: Clock::system() };
        (folder, patient)
    }

    fn status(coturn: &str) -> CheckStatus {
        let (_folder, patient) = patient(coturn);
        check(&patient).status
    }

    #[test]
    fn both_files_have_to_hold_the_same() {
        assert_eq!(status(&format!("realm=x\nstatic-auth-secret={SECRET}\n")), CheckStatus::Pass);
        assert_eq!(status(&format!("static-auth-secret=older\n static-auth-secret = {SECRET}")), CheckStatus::Pass);
        assert_eq!(status("static-auth-secret=another"), CheckStatus::Fail);
        assert_eq!(status(&format!("#static-auth-secret={SECRET}")), CheckStatus::Fail);
        assert_eq!(status("static-auth-secret=ВСТАВЬТЕ_СЮДА_ВАШ_TURN_SECRET"), CheckStatus::Fail);
    }

    /// The file that `init` wrote agreed, and the copy of it that coturn reads was an older one.
    #[test]
    fn every_file_that_coturn_may_read_is_compared() {
        let folder = tempfile::tempdir().unwrap();
        let [copy, written] = ["turnserver.conf", "beside.conf"].map(|name| folder.path().join(name));
        std::fs::write(&written, format!("static-auth-secret={SECRET}")).unwrap();
        std::fs::write(&copy, "static-auth-secret=an older one").unwrap();
        for paths in [[copy.clone(), written.clone()], [written.clone(), copy.clone()]] {
            let found = compare_all(SECRET, &paths);
            assert_eq!(found.status, CheckStatus::Fail);
            assert!(found.summary.en.contains(&copy.display().to_string()), "{}", found.summary.en);
        }
        std::fs::write(&copy, "#static-auth-secret=\n# as the package has it").unwrap();
        assert_eq!(compare_all(SECRET, &[copy.clone(), written.clone()]).status, CheckStatus::Pass);
        assert_eq!(compare_all(SECRET, std::slice::from_ref(&copy)).status, CheckStatus::Fail);
        std::fs::copy(&written, &copy).unwrap();
        assert_eq!(compare_all(SECRET, &[copy, written]).status, CheckStatus::Pass);
    }

    #[test]
    fn no_finding_quotes_a_secret() {
        for other in [SECRET, "another secret of somebody"] {
            let (_folder, patient) = patient(&format!("static-auth-secret={other}"));
            let said = format!("{:?}", check(&patient).named("secrets"));
            assert!(!said.contains(SECRET) && !said.contains(other), "{said}");
        }
    }

    #[test]
    fn a_short_secret_is_a_warning() {
        let (_folder, mut patient) = patient("static-auth-secret=short");
        patient.config.turn.credential = Secret::new("short".to_owned());
        assert_eq!(check(&patient).status, CheckStatus::Warn);
        patient.config.turn.enabled = false;
        assert_eq!(check(&patient).status, CheckStatus::Pass);
    }
}
