//! Files of a gigabyte, up and down, against nginx: the same client, the same loopback, in turns.
//!
//! nginx sends a file with sendfile(2), and takes one by its DAV module, which leaves the bytes to the system and says
//! nothing of the disk. PrivMsg answers when the bytes are on the disk for good. So uploads are compared three times:
//! in a folder in memory, where the disk plays no part; on the disk with nginx's file brought to it by fsync, which is
//! the same work; and on the disk with nginx as it is.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::rest::LoginResponse;
use privmsg_testkit::http::Http;
use privmsg_testkit::nginx::{self, Nginx};
use privmsg_testkit::{Random, ServerProcess, Setting};
use serde_json::json;

use super::Bench;
use super::report::Goal;

const SIZE: u64 = 1024 * 1024 * 1024;

/// Bytes that the client reads or writes at once.
const PIECE: usize = 256 * 1024;

/// How often each is measured.
const ROUNDS: usize = 5;

/// A folder in memory, where there is one.
const IN_MEMORY: &str = "/dev/shm";

/// What is measured of one server and one folder, in seconds.
#[derive(Default)]
struct Times {
    down: [Vec<f64>; 2],
    up: [Vec<f64>; 2],
    form: Vec<f64>,
    synced: Vec<f64>,
}

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let Some(nginx) = nginx::program() else {
        bench.report.remark("files against nginx", "there is no nginx here");
        return Ok(());
    };
    if let Ok(memory) = tempfile::tempdir_in(IN_MEMORY) {
        let (times, memory) = compare(bench, &nginx, memory.path()).await?;
        let goal = Goal::AtLeast(0.7);
        speeds(bench, "1 GB down, nginx", &times.down[0]);
        speeds(bench, "1 GB down", &times.down[1]);
        bench.report.line("1 GB down, of nginx's speed", ratio(&times.down), "", goal);
        speeds(bench, "1 GB up in memory, nginx", &times.up[0]);
        speeds(bench, "1 GB up in memory, resumable", &times.up[1]);
        bench.report.line("1 GB up in memory, resumable, of nginx's speed", ratio(&times.up), "", goal);
        let form = median(&times.up[0]) / median(&times.form);
        bench.report.line("1 GB up in memory, as a form, of nginx's speed", form, "", goal);
        bench.report.line("resident memory that transfers add", memory / 1e6, "MB", Goal::None);
    } else {
        bench.report.remark("files in memory", "there is no /dev/shm");
    }
    let (times, _) = compare(bench, &nginx, dir).await?;
    let synced = median(&times.synced) / median(&times.up[1]);
    bench.report.line("1 GB up on the disk, of nginx's speed with fsync", synced, "", Goal::AtLeast(0.7));
    bench.report.line("1 GB up on the disk, of nginx's speed without", ratio(&times.up), "", Goal::None);
    speeds(bench, "1 GB up on the disk, resumable", &times.up[1]);
    Ok(())
}

fn speeds(bench: &mut Bench, name: &str, times: &[f64]) {
    bench.report.line(name, SIZE as f64 / 1e6 / median(times), "MB/s", Goal::None);
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// How fast PrivMsg is, where nginx is 1.
fn ratio(times: &[Vec<f64>; 2]) -> f64 {
    median(&times[0]) / median(&times[1])
}

async fn compare(bench: &Bench, nginx: &Path, dir: &Path) -> Result<(Times, f64)> {
    let data = dir.join("privmsg");
    std::fs::create_dir(&data)?;
    let settings: &[Setting] = &[
        ("PRIVMSG_LIMITS_MAX_FILE_SIZE_MB", "0".to_owned()),
        ("PRIVMSG_LIMITS_MAX_STORED_MB_PER_USER", "0".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ];
    let server = ServerProcess::start(&bench.binary, &data, settings).await?;
    let token = sign_in(&server).await?;
    let root = dir.join("nginx");
    let stored = root.join("files");
    std::fs::create_dir_all(&stored)?;
    let nginx = Nginx::start(nginx, &root, |address, at| {
        format!(
            "sendfile on; tcp_nopush on; client_max_body_size 0; client_body_buffer_size 512k;
             server {{ listen {address}; root {at}/files; location / {{ dav_methods PUT DELETE; }} }}"
        )
    })?;
    let piece = Random::new(7).bytes(PIECE);
    let ours = Client { address: server.address(), token: &token, piece: &piece };
    let theirs = Client { address: nginx.address(), token: "", piece: &piece };

    let kept = ours.upload()?.1;
    theirs.put("/kept")?;
    let before = server.resident_bytes()?;
    let mut times = Times::default();
    let stored = stored.join("new");
    for _ in 0..ROUNDS {
        times.down[0].push(theirs.get("/kept")?);
        times.down[1].push(ours.get(&format!("/api/v1/files/{kept}"))?);

        let put = theirs.put("/new")?;
        times.up[0].push(put);
        let start = Instant::now();
        File::open(&stored)?.sync_all()?;
        times.synced.push(put + start.elapsed().as_secs_f64());
        std::fs::remove_file(&stored)?;

        let (time, id) = ours.upload()?;
        times.up[1].push(time);
        ours.delete(&id)?;
        let (time, id) = ours.form()?;
        times.form.push(time);
        ours.delete(&id)?;
    }
    let added = server.resident_bytes()?.saturating_sub(before);
    Ok((times, added as f64))
}

async fn sign_in(server: &ServerProcess) -> Result<String> {
    let account = server.admin().creates("carrier").await?;
    let request = json!({
        "user_id": "carrier", "access_key": account.access_key.expose(), "device_name": "bench", "device_type": "cli",
    });
    let answer = Http::connect(server.address()).await?.send("POST", "/api/v1/auth/login", None, &request).await?;
    Ok(answer.json::<LoginResponse>()?.token.expose().to_owned())
}

/// One request after the other, each on a connection of its own, with as little work as can be.
struct Client<'a> {
    address: SocketAddr,
    token: &'a str,
    piece: &'a [u8],
}

impl Client<'_> {
    fn open(&self, method: &str, path: &str, headers: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\n\
             Authorization: Bearer {}\r\n{headers}\r\n",
            self.token
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }

    fn get(&self, path: &str) -> Result<f64> {
        let start = Instant::now();
        let mut stream = self.open("GET", path, "")?;
        let mut buffer = vec![0; PIECE];
        let mut received = 0;
        let first = stream.read(&mut buffer)?;
        ensure!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..first.min(200)]));
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                more => received += more as u64,
            }
        }
        ensure!(received + first as u64 > SIZE, "only {received} bytes came");
        Ok(start.elapsed().as_secs_f64())
    }

    fn send(&self, stream: &mut TcpStream) -> Result<()> {
        for _ in 0..SIZE / PIECE as u64 {
            stream.write_all(self.piece)?;
        }
        Ok(())
    }

    fn put(&self, path: &str) -> Result<f64> {
        let start = Instant::now();
        let mut stream = self.open("PUT", path, &format!("Content-Length: {SIZE}\r\n"))?;
        self.send(&mut stream)?;
        answered(stream, "HTTP/1.1 201")?;
        Ok(start.elapsed().as_secs_f64())
    }

    fn upload(&self) -> Result<(f64, String)> {
        let start = Instant::now();
        let headers = format!(
            "Content-Length: {SIZE}\r\nUpload-Length: {SIZE}\r\nContent-Type: application/offset+octet-stream\r\n"
        );
        let mut stream = self.open("POST", "/api/v1/files/uploads", &headers)?;
        self.send(&mut stream)?;
        let answer = answered(stream, "HTTP/1.1 201")?;
        let time = start.elapsed().as_secs_f64();
        let id = answer.lines().find_map(|line| line.strip_prefix("x-privmsg-file-id: ")).context("the file's id")?;
        Ok((time, id.to_owned()))
    }

    fn form(&self) -> Result<(f64, String)> {
        const BOUNDARY: &str = "bench-bench-bench";
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let len = SIZE + head.len() as u64 + tail.len() as u64;
        let headers = format!("Content-Length: {len}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n");
        let start = Instant::now();
        let mut stream = self.open("POST", "/api/v1/files/upload", &headers)?;
        stream.write_all(head.as_bytes())?;
        self.send(&mut stream)?;
        stream.write_all(tail.as_bytes())?;
        let answer = answered(stream, "HTTP/1.1 200")?;
        let time = start.elapsed().as_secs_f64();
        let body = answer.split("\r\n\r\n").nth(1).context("a body")?;
        let body: serde_json::Value = serde_json::from_str(body)?;
        Ok((time, body["file_id"].as_str().context("the file's id")?.to_owned()))
    }

    fn delete(&self, id: &str) -> Result<()> {
        let stream = self.open("DELETE", &format!("/api/v1/files/{id}"), "")?;
        answered(stream, "HTTP/1.1 204").map(drop)
    }
}

fn answered(mut stream: TcpStream, expected: &str) -> Result<String> {
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with(expected), "{answer}");
    Ok(answer)
}
