//! What to do after `init`.

use std::path::{Path, PathBuf};

use super::plan::{Layout, Plan, Secrets, Tls};
use super::{BACKUP, CONTAINER_ACCOUNT, COTURN_ACCOUNT, COTURN_FILE, DATA, SERVER_FILE};
use crate::i18n::Language;
use crate::paths::shown;

/// The next steps, in order.
pub(super) fn next(plan: &Plan, folder: &Path, handed_over: bool, language: Language) -> Vec<String> {
    let mut steps = Vec::new();
    // From whatever folder somebody will give them.
    let in_folder = |name: &str| shown(&folder.join(name));
    let (server, coturn) = (in_folder(SERVER_FILE), in_folder(COTURN_FILE));
    if plan.domain.is_some() || plan.external_ip.is_some() {
        let web = if plan.tls == Tls::None { "9443/tcp" } else { "443/tcp" };
        steps.push(format!(
            "{} {web}, 3478/tcp, 3478/udp, 5349/tcp, 49152-49200/udp",
            language.pick("Open in the firewall:", "Откройте в файрволе:")
        ));
    }
    match plan.layout {
        Layout::Docker => {
            if !handed_over {
                let text = language.pick(
                    "Give the files to the accounts of the containers:",
                    "Передайте файлы учётным записям контейнеров:",
                );
                let account = CONTAINER_ACCOUNT;
                let data = format!("{} {}", in_folder(DATA), in_folder(BACKUP));
                steps.push(format!(
                    "{text} sudo chown {account}:{account} {server} {data} && sudo chown {COTURN_ACCOUNT}:{COTURN_ACCOUNT} {coturn}"
                ));
            }
            let start = language.pick("Start:", "Запустите:");
            steps.push(format!("{start} docker compose up -d"));
            let check = language.pick("Check:", "Проверьте:");
            steps.push(format!("{check} docker exec privmsg-server ./privmsg-server doctor"));
            let user = language.pick("Make the first user:", "Создайте первого пользователя:");
            steps.push(format!("{user} docker exec -it privmsg-server ./privmsg-server generate-key"));
        }
        Layout::Native => {
            let relay = language.pick("Start coturn with its file:", "Запустите coturn с его файлом:");
            steps.push(format!("{relay} turnserver -c {coturn}"));
            let start = language.pick("Start the server:", "Запустите сервер:");
            steps.push(format!("{start} privmsg-server run --config {server}"));
            let check = language.pick("Check:", "Проверьте:");
            steps.push(format!("{check} privmsg-server doctor --config {server}"));
            let user = language.pick("Make the first user:", "Создайте первого пользователя:");
            steps.push(format!("{user} privmsg-server generate-key --config {server}"));
        }
    }
    steps
}

/// What a person reads.
pub(super) fn text(
    plan: &Plan,
    secrets: &Secrets,
    files: &[PathBuf; 2],
    steps: &[String],
    language: Language,
) -> String {
    let written = language.pick("Written:", "Записаны:");
    let key = language.pick(
        "Admin key, for the web console and the API (it is in the first file as well; commands read it there):",
        "Ключ администратора — для веб-консоли и API (он есть и в первом файле; команды берут его оттуда):",
    );
    let address = language.pick("Clients connect to:", "Клиенты подключаются к:");
    let then = language.pick("Next:", "Дальше:");
    let steps: String = steps.iter().enumerate().map(|(at, step)| format!("\n  {}. {step}", at + 1)).collect();
    format!(
        "{written}\n  {}\n  {}\n\n{key}\n\n    {}\n\n{address} {}\n\n{then}{steps}",
        shown(&files[0]),
        shown(&files[1]),
        secrets.admin_key.expose(),
        plan.public_url(),
    )
}
