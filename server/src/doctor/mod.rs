//! Whether the server and what it needs are well: for `doctor` on the command line, and for the console.
//!
//! Each check looks at one thing and says one sentence, in both languages, and, unless all is well, what to do. They run
//! beside each other, and none of them may take longer than [`PATIENCE`]: what does not answer in that time is itself a
//! finding. A check changes nothing, but for an allocation at the relay that it gives back.

mod address;
mod backup;
mod certificate;
mod clock;
mod configuration;
mod database;
mod disk;
pub(crate) mod http;
mod patient;
mod peers;
mod permissions;
mod port;
mod secrets;
mod stun;
mod turn;
mod x509;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::rest::{Check, CheckStatus, DoctorReport, Sentence};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::config::ConfigError;

pub(crate) use address::is_public;
pub(crate) use patient::{Patient, Setting};

/// Longest that one check may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A report is given again for so long: the console asks as often as somebody clicks.
const FRESH: Duration = Duration::from_secs(5);

/// What a check has found.
pub(crate) struct Finding {
    status: CheckStatus,
    summary: Sentence,
    advice: Option<Sentence>,
}

impl Finding {
    fn pass(en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { status: CheckStatus::Pass, summary: sentence(en, ru), advice: None }
    }

    fn warn(en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warn, ..Self::pass(en, ru) }
    }

    fn fail(en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { status: CheckStatus::Fail, ..Self::pass(en, ru) }
    }

    /// What to do.
    fn advise(self, en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { advice: Some(sentence(en, ru)), ..self }
    }

    fn named(self, id: impl Into<String>) -> Check {
        Check { id: id.into(), status: self.status, summary: self.summary, advice: self.advice }
    }
}

fn sentence(en: impl Into<String>, ru: impl Into<String>) -> Sentence {
    Sentence { en: en.into(), ru: ru.into() }
}

/// Runs every check.
pub(crate) async fn examine(patient: Patient) -> DoctorReport {
    let patient = Arc::new(patient);
    let mut checks = Checks::new(PATIENCE);
    checks.blocking("configuration", &patient, configuration::check);
    checks.blocking("secrets", &patient, secrets::check);
    checks.spawn("port", port::check(Arc::clone(&patient)));
    checks.blocking("certificate", &patient, certificate::check);
    checks.spawn("address", address::check(Arc::clone(&patient)));
    checks.blocking("disk", &patient, disk::check);
    checks.blocking("backup", &patient, backup::check);
    checks.blocking("clock", &patient, clock::check);
    checks.spawn("database", database::check(Arc::clone(&patient)));
    checks.blocking("permissions", &patient, permissions::check);
    for probe in turn::probes(&patient.config.turn) {
        let patient = Arc::clone(&patient);
        checks.spawn(probe.name(), async move { probe.run(&patient).await });
    }
    if patient.config.turn.enabled {
        checks.spawn("relayed", peers::check(Arc::clone(&patient)));
    }
    if patient.config.turn.urls.is_empty() || !patient.config.turn.enabled {
        checks.spawn("turn", std::future::ready(turn::absent()));
    }
    report(checks.finish().await)
}

/// The report when there is no configuration to look further with.
pub(crate) fn unreadable(error: &ConfigError) -> DoctorReport {
    let finding = Finding::fail(
        format!("The configuration is wrong: {error}"),
        format!("Ошибка в конфигурации: {error}"),
    )
    .advise(
        "Correct the file; config/server/config.toml shows every key. `privmsg-server init` in an empty folder writes a complete one.",
        "Исправьте файл; все ключи показаны в config/server/config.toml. `privmsg-server init` в пустой папке создаст готовый.",
    );
    report(vec![finding.named("configuration")])
}

fn report(checks: Vec<Check>) -> DoctorReport {
    let status = checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Pass);
    DoctorReport { status, checks }
}

/// Checks that run beside each other.
struct Checks {
    patience: Duration,
    names: Vec<String>,
    running: JoinSet<(usize, Finding)>,
}

impl Checks {
    fn new(patience: Duration) -> Self {
        Self { patience, names: Vec::new(), running: JoinSet::new() }
    }

    fn spawn(&mut self, name: impl Into<String>, check: impl Future<Output = Finding> + Send + 'static) {
        let (place, patience) = (self.names.len(), self.patience);
        self.names.push(name.into());
        self.running.spawn(async move { (place, timeout(patience, check).await.unwrap_or_else(|_| too_slow())) });
    }

    /// For what asks the disk.
    fn blocking(
        &mut self,
        name: &'static str,
        patient: &Arc<Patient>,
        check: impl FnOnce(&Patient) -> Finding + Send + 'static,
    ) {
        let patient = Arc::clone(patient);
        self.spawn(name, async move {
            tokio::task::spawn_blocking(move || check(&patient)).await.unwrap_or_else(|_| broken())
        });
    }

    /// What was found, in the order in which the checks were named.
    async fn finish(mut self) -> Vec<Check> {
        let mut findings: Vec<Option<Finding>> = self.names.iter().map(|_| None).collect();
        while let Some(ended) = self.running.join_next().await {
            if let Ok((place, finding)) = ended {
                findings[place] = Some(finding);
            }
        }
        let found = findings.into_iter().map(|finding| finding.unwrap_or_else(broken));
        self.names.into_iter().zip(found).map(|(name, finding)| finding.named(name)).collect()
    }
}

fn too_slow() -> Finding {
    let seconds = PATIENCE.as_secs();
    Finding::warn(
        format!("Not known: there was no answer within {seconds} seconds"),
        format!("Неизвестно: за {seconds} с ответа не было"),
    )
    .advise("A disk or a network that is so slow is worth a look.", "На такой медленный диск или сеть стоит взглянуть.")
}

fn broken() -> Finding {
    Finding::warn("Not known: the check itself failed", "Неизвестно: сама проверка не удалась")
        .advise("Please report this; the log says more.", "Пожалуйста, сообщите об этом; подробности в журнале.")
}

/// One examination at a time, and the last one again for who asks right after it.
#[derive(Default)]
pub(crate) struct Practice {
    last: Mutex<Option<(Instant, DoctorReport)>>,
}

impl Practice {
    pub(crate) async fn report(&self, patient: impl FnOnce() -> Patient + Send) -> DoctorReport {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let report = examine(patient()).await;
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_hangs_or_breaks_is_a_finding() {
        let mut checks = Checks::new(Duration::from_millis(50));
        checks.spawn("slow", std::future::pending());
        checks.spawn("broken", async { panic!("on purpose") });
        checks.spawn("well", async { Finding::pass("well", "хорошо") });
        let checks = checks.finish().await;
        let statuses: Vec<_> = checks.iter().map(|check| (check.id.as_str(), check.status)).collect();
        assert_eq!(statuses, [("slow", CheckStatus::Warn), ("broken", CheckStatus::Warn), ("well", CheckStatus::Pass)]);
        assert_eq!(report(checks).status, CheckStatus::Warn);
    }
}
