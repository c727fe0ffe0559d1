//! `init`: the configuration of a new server and of its coturn, with fresh secrets that match.

mod answers;
mod plan;
mod steps;
mod template;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::arguments::json;
use super::{CommandError, print};
use crate::i18n::Language;
use crate::private;
use crate::secrets::random_key;

use plan::{Layout, Plan, Secrets};

/// The account that the server has in its container; the Dockerfile says the same.
const CONTAINER_ACCOUNT: u32 = 10_001;

/// The account that coturn has in the image that docker-compose.yml uses: `nobody`.
const COTURN_ACCOUNT: u32 = 65_534;

/// Where the files are, below the folder that is set up. docker-compose.yml looks for them there.
const SERVER_FILE: &str = "config/server/config.toml";
const COTURN_FILE: &str = "config/coturn/turnserver.conf";
const ENV_FILE: &str = ".env";
const DATA: &str = "data/server";
const BACKUP: &str = "data/backup";

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    #[error("{0} exists already; nothing was changed")]
    Exists(String),
    #[error("{argument}: {why}")]
    Argument { argument: &'static str, why: &'static str },
    #[error("cannot write {path}")]
    Write {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the answer cannot be read")]
    Answer(#[source] io::Error),
}

pub(super) fn command(language: Language) -> clap::Command {
    let text = |name, value, help: (&str, &str)| {
        Arg::new(name).long(name).value_name(value).help(language.say(help.0, help.1))
    };
    let path = |name, value, help| text(name, value, help).value_parser(value_parser!(PathBuf));
    let flag = |name, help: (&str, &str)| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(language.say(help.0, help.1))
    };
    let about = language.say(
        "Write the configuration of a new server and of coturn, with fresh secrets; nothing is overwritten",
        "Создать конфигурацию нового сервера и coturn со свежими секретами; ничего не перезаписывается",
    );
    let tls = text(
        "tls",
        "WHO",
        (
            "Who does TLS [default: acme with a domain, else none]",
            "Кто занимается TLS [по умолчанию: acme при наличии домена, иначе none]",
        ),
    )
    .value_parser(["acme", "nginx", "none"]);
    clap::Command::new("init").about(about).args([
        text(
            "domain",
            "NAME",
            ("Name of the server; without one it is a trial, or an address", "Имя сервера; без него — проба или адрес"),
        ),
        text(
            "external-ip",
            "IP",
            (
                "Public address of this machine; PUBLIC/PRIVATE behind NAT",
                "Внешний адрес этой машины; за NAT — ВНЕШНИЙ/ВНУТРЕННИЙ",
            ),
        ),
        tls,
        text("email", "ADDRESS", ("For the certificate authority to write to", "Куда писать центру сертификации")),
        path("dir", "DIR", ("Folder to set up [default: this one]", "Какую папку подготовить [по умолчанию: текущую]")),
        flag(
            "docker",
            (
                "For docker-compose.yml [default, if it is in the folder]",
                "Для docker-compose.yml [по умолчанию, если он есть в папке]",
            ),
        )
        .conflicts_with("native"),
        flag("native", ("For the program on this machine itself", "Для программы на самой машине")),
        path(
            "data",
            "DIR",
            (
                "Folder of data as the server sees it [default: data/server in DIR; /app/data in its container]",
                "Папка данных, как её видит сервер [по умолчанию: data/server в DIR; в контейнере /app/data]",
            ),
        ),
        path(
            "turn-cert",
            "FILE",
            ("Certificate chain for coturn: calls also by TLS", "Цепочка сертификатов для coturn: звонки и через TLS"),
        )
        .requires("turn-key"),
        path("turn-key", "FILE", ("Its private key", "Закрытый ключ к ней")).requires("turn-cert"),
        flag("yes", ("Ask nothing", "Ни о чём не спрашивать")),
        json(language),
    ])
}

pub(super) fn run(mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let folder = matches.remove_one::<PathBuf>("dir").unwrap_or_else(|| ".".into());
    let as_json = matches.get_flag("json");
    let files = [folder.join(SERVER_FILE), folder.join(COTURN_FILE)];
    // Before anything is asked.
    let examples = [template::SERVER, template::COTURN];
    if let Some((file, _)) = files.iter().zip(examples).find(|(file, example)| is_in_the_way(file, example)) {
        return Err(InitError::Exists(file.display().to_string()).into());
    }
    let plan = answers::plan(&mut matches, &folder, language)?;
    let env_file = (plan.layout == Layout::Docker).then(|| folder.join(ENV_FILE));
    if let Some(file) = env_file.as_ref().filter(|file| file.symlink_metadata().is_ok()) {
        return Err(InitError::Exists(file.display().to_string()).into());
    }
    for file in files.iter().filter(|file| file.exists()) {
        let failed = |source| InitError::Write { path: file.display().to_string(), source };
        std::fs::remove_file(file).map_err(failed)?;
    }
    let secrets = Secrets { admin_key: random_key(), turn: random_key() };
    create(&files[0], &plan.server_file(&secrets))?;
    if let Err(error) = create(&files[1], &plan.coturn_file(&secrets)) {
        // Half a configuration would be in the way of the next attempt.
        let _ = std::fs::remove_file(&files[0]);
        return Err(error.into());
    }
    if let Some(file) = &env_file
        && let Err(error) = create(file, &plan.env_file())
    {
        for file in &files {
            let _ = std::fs::remove_file(file);
        }
        return Err(error.into());
    }
    let handed_over = plan.layout == Layout::Docker && hand_over(&folder, &files)?;
    let steps = steps::next(&plan, &folder, handed_over, language);
    if as_json {
        print(&report(&plan, &secrets, &files, &steps).to_string())
    } else {
        print(&steps::text(&plan, &secrets, &files, &steps, language))
    }
}

/// Whether something would be lost. An example as it ships, which a fresh copy of the repository has in this place, holds
/// nothing that is not in this program.
fn is_in_the_way(file: &Path, example: &str) -> bool {
    file.symlink_metadata().is_ok() && std::fs::read_to_string(file).map_or(true, |text| text != example)
}

/// Makes a file that is not there yet, with its folders, for this account only.
fn create(path: &Path, text: &str) -> Result<(), InitError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.display().to_string()),
        _ => InitError::Write { path: path.display().to_string(), source },
    };
    if let Some(folder) = path.parent() {
        // Not private: coturn in its container has to get at its file. The files themselves are.
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written.map_err(failed)
}

/// Makes the folders of data and of backups, and gives them and the files to the accounts that the programs have in their containers, so
/// that the files can stay closed to everybody else. Only root may do that; otherwise the next steps say how.
#[cfg(unix)]
fn hand_over(folder: &Path, files: &[PathBuf; 2]) -> Result<bool, InitError> {
    use std::os::unix::fs::chown;
    let (data, backup) = (folder.join(DATA), folder.join(BACKUP));
    let failed = |path: &Path, source| InitError::Write { path: path.display().to_string(), source };
    for path in [&data, &backup] {
        private::folder(path).map_err(|source| failed(path, source))?;
    }
    if !rustix::process::geteuid().is_root() {
        return Ok(false);
    }
    let accounts = [CONTAINER_ACCOUNT, CONTAINER_ACCOUNT, CONTAINER_ACCOUNT, COTURN_ACCOUNT];
    for (path, account) in [&data, &backup, &files[0], &files[1]].into_iter().zip(accounts) {
        chown(path, Some(account), Some(account)).map_err(|source| failed(path, source))?;
    }
    Ok(true)
}

#[cfg(not(unix))]
fn hand_over(folder: &Path, _files: &[PathBuf; 2]) -> Result<bool, InitError> {
    for path in [folder.join(DATA), folder.join(BACKUP)] {
        private::folder(&path).map_err(|source| InitError::Write { path: path.display().to_string(), source })?;
    }
    // There are no such accounts.
    Ok(true)
}

fn report(plan: &Plan, secrets: &Secrets, files: &[PathBuf; 2], steps: &[String]) -> serde_json::Value {
    serde_json::json!({
        "files": files,
        "layout": match plan.layout { Layout::Docker => "docker", Layout::Native => "native" },
        "public_url": plan.public_url(),
        "turn_urls": plan.turn_urls(),
        "admin_key": secrets.admin_key.expose(),
        "next_steps": steps,
    })
}
