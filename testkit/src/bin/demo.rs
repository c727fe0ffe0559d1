//! `make demo`: a server and two people with the real programs, told as a story. Russian where `LANG` says so.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use privmsg_protocol::UserId;
use privmsg_testkit::{Random, ServerProcess, Terminal, binaries};

/// For one command.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file that Alice sends.
const FILE_SIZE: usize = 5_000_000;

/// Tells the story in the reader's language.
#[derive(Clone, Copy)]
struct Narrator {
    russian: bool,
}

impl Narrator {
    fn of_environment() -> Self {
        let language = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        Self { russian: language.is_some_and(|value| value.starts_with("ru")) }
    }

    fn pick(self, english: &str, russian: &str) -> String {
        if self.russian { russian.to_owned() } else { english.to_owned() }
    }

    fn tells(self, english: &str, russian: &str) {
        println!("\n— {}", self.pick(english, russian));
    }
}

/// Shows a command and what it prints.
async fn runs(who: &Terminal, arguments: &[&str]) -> Result<()> {
    let shown: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    println!("  {}$ privmsg {}", who.name(), shown.join(" "));
    let done = who.runs(arguments, PATIENCE).await?.ok()?;
    for line in done.stdout.lines() {
        println!("    {line}");
    }
    Ok(())
}

fn quoted(argument: &str) -> String {
    let name = Path::new(argument).file_name().filter(|_| argument.starts_with('/'));
    let argument = name.map_or_else(|| argument.to_owned(), |name| name.to_string_lossy().into_owned());
    if argument.contains(' ') { format!("\"{argument}\"") } else { argument }
}

async fn story(narrator: Narrator, dir: &Path) -> Result<()> {
    let data = dir.join("server");
    std::fs::create_dir(&data)?;
    let mut server = ServerProcess::start(&binaries::server()?, &data, &[]).await?;
    narrator.tells(
        &format!("A server has started on {}, with nothing in it.", server.url()),
        &format!("Запущен сервер на {}; он пока пуст.", server.url()),
    );

    let binary = binaries::terminal()?;
    narrator.tells(
        "The administrator makes two users and hands each a name and an access key.",
        "Администратор создаёт двух пользователей и отдаёт каждому имя и ключ доступа.",
    );
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let account = server.admin().creates(name).await?;
        people.push(Terminal::signs_in(&binary, &dir.join(name), &server.url(), &account).await?);
        println!("  {name}$ privmsg login --server {} --user-id {name}", server.url());
    }
    let [alice, bob] = people.as_slice() else { bail!("two were pushed") };
    let (to_bob, to_alice) = (bob.name().as_str(), alice.name().as_str());

    narrator.tells("Alice writes while Bob is away.", "Алиса пишет, пока Боба нет.");
    runs(alice, &["send", to_bob, &narrator.pick("Hi Bob, are you there?", "Привет, Боб! Ты здесь?")]).await?;

    narrator.tells(
        "The power fails: the server is killed and started again. What it has acknowledged is on its disk.",
        "Пропало питание: сервер убит и запущен снова. Всё, что он подтвердил, — на диске.",
    );
    server.kill()?;
    let took = server.restart().await?;
    narrator.tells(
        &format!("It answered again after {} ms. Bob comes and reads what has waited.", took.as_millis()),
        &format!("Он снова ответил через {} мс. Приходит Боб и читает, что его ждало.", took.as_millis()),
    );
    runs(bob, &["listen", "--count", "1", "--timeout", "30"]).await?;
    runs(bob, &["send", to_alice, &narrator.pick("Now I am.", "Теперь здесь.")]).await?;
    runs(alice, &["listen", "--count", "1", "--timeout", "30"]).await?;

    send_a_file(narrator, dir, alice, bob).await?;

    narrator.tells(
        "Both compare this number by telephone, and know that nobody stands between them.",
        "Оба сверяют это число по телефону и знают, что между ними никого нет.",
    );
    runs(alice, &["safety-number", to_bob]).await?;
    runs(bob, &["safety-number", to_alice]).await?;

    narrator.tells("This is what Alice has.", "Вот что есть у Алисы.");
    runs(alice, &["history", to_bob]).await?;
    what_the_server_has(narrator, &data, alice.name())?;
    server.stop().await
}

async fn send_a_file(narrator: Narrator, dir: &Path, alice: &Terminal, bob: &Terminal) -> Result<()> {
    let photo = dir.join("holiday.jpg");
    let bytes = Random::new(9).bytes(FILE_SIZE);
    std::fs::write(&photo, &bytes)?;
    narrator.tells(
        "Alice sends a file of 5 MB. It is encrypted on her machine, its name too.",
        "Алиса отправляет файл на 5 МБ. Он и его имя шифруются на её машине.",
    );
    let path = photo.display().to_string();
    runs(alice, &["send", bob.name().as_str(), &narrator.pick("The sea!", "Море!"), "--file", &path]).await?;
    let message = bob.hears(1).await?.pop().context("a message")?;
    println!("  bob$ privmsg listen --count 1");
    println!("    {}: {} [{}]", message.sender_id, message.text, message.attachments[0].name);
    let copy = dir.join("copy.jpg");
    let out = copy.display().to_string();
    runs(bob, &["download", &message.message_id, "--out", &out]).await?;
    if std::fs::read(&copy)? != bytes {
        bail!("the file has changed on its way");
    }
    narrator.tells("Byte for byte the same.", "Совпадает байт в байт.");
    Ok(())
}

fn what_the_server_has(narrator: Narrator, data: &Path, alice: &UserId) -> Result<()> {
    let database = std::fs::read(data.join("privmsg.db"))?;
    let wal = std::fs::read(data.join("privmsg.db-wal")).unwrap_or_default();
    let has = |text: &str| {
        [&database, &wal].iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    let (knows_alice, knows_file) = (has(alice.as_str()), has("holiday.jpg"));
    narrator.tells(
        &format!("On the server's disk: the name \"alice\" is found: {knows_alice}; \"holiday.jpg\": {knows_file}."),
        &format!(
            "На диске сервера: имя «alice» {}; «holiday.jpg» {}.",
            if knows_alice { "есть" } else { "не найдено" },
            if knows_file { "есть" } else { "не найдено" }
        ),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let narrator = Narrator::of_environment();
    let dir = binaries::dir_on_disk()?;
    story(narrator, dir.path()).await?;
    narrator.tells("The server has stopped, and everything was cleaned up.", "Сервер остановлен, всё убрано.");
    Ok(())
}
